import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { heldBytes } from '../support/held-bytes.ts';
import { collectingService, startProcess, type TestProcess } from '../support/process.ts';

const MIB = 1024 * 1024;
const CACHE_MIB = 1;
const SLOS = 40;
const MINUTES = 720;
/** Lengths of steps, in seconds: the first, and how many. */
const STEP = 600;
const STEPS = 10;
const SECRET = 'a-secret-of-the-tests';
const METRICS = ['reliability', 'budget', 'burn_rate', 'count_good', 'count_total', 'sli_ratio_used_good'];

const database = await createTestDatabase();
const endMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;

async function createHistories(): Promise<void> {
  const ctx = actingAs(createTestEnvironment(database, endMs), 'primary');
  for (let n = 0; n < SLOS; n += 1) {
    await createSlo({
      ctx,
      input: { name: `slo-${n}`, target: 0.9, time_window: { type: 'rolling', duration: '1d' } },
    });
  }
  async function* body(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    for (let minute = MINUTES; minute > 0; minute -= 1) {
      const at = new Date(endMs - minute * MINUTE_MS).toISOString();
      let lines = '';
      for (let n = 0; n < SLOS; n += 1) {
        lines += `${JSON.stringify({ slo: `default.slo-${n}`, at, good: 90 + ((n + minute) % 10), total: 100 })}\n`;
      }
      yield encoder.encode(lines);
    }
  }
  const { rejected } = await recordStream({ ctx, input: { body: body() } });
  expect(rejected).toBe(0);
}

async function start(cacheMib: number): Promise<{ service: TestProcess; url: string }> {
  const service = await startProcess({
    command: collectingService(),
    env: {
      DATABASE_URL: database.url,
      PLUGIN_SECRET: SECRET,
      PROMETHEUS_RATE_LIMIT: 'off',
      PROMETHEUS_CACHE_MB: String(cacheMib),
    },
  });
  return { service, url: await service.url() };
}

async function ask(url: string, path: string, form: Record<string, string>): Promise<number> {
  const answer = await fetch(`${url}/api/prometheus/v1/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}` },
    body: new URLSearchParams(form),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text).data.result.length;
}

/** Every series of every metric over all twelve hours, again by steps of many lengths, each of which is kept apart. */
async function askForAll(url: string): Promise<void> {
  const time = String(endMs / 1000);
  const begin = String((endMs - (MINUTES - 60) * MINUTE_MS) / 1000);
  for (const metric of METRICS) {
    expect(await ask(url, '/query', { query: `avg_over_time(${metric}[12h])`, time })).toBe(SLOS);
    for (let step = STEP; step < STEP + STEPS; step += 1) {
      const form = { query: metric, start: begin, end: time, step: String(step) };
      expect(await ask(url, '/query_range', form)).toBe(SLOS);
    }
  }
}

/** What answering all that leaves in memory, beyond what one query of each kind does. */
async function grownBytes(cacheMib: number): Promise<number> {
  const { service, url } = await start(cacheMib);
  const time = String(endMs / 1000);
  for (let i = 0; i < 20; i += 1) {
    await ask(url, '/query', { query: 'avg_over_time(reliability[5m])', time });
    await ask(url, '/query_range', { query: 'reliability', start: time, end: time, step: '600' });
  }
  const before = await heldBytes(service, url);
  await askForAll(url);
  const grown = (await heldBytes(service, url)) - before;
  await service.kill('SIGTERM');
  return grown;
}

test('whatever is asked, what queries leave in memory is bounded by PROMETHEUS_CACHE_MB', async () => {
  await createHistories();
  // All minutes of 6 x 40 series take 1.3 MiB, and 66 samples with their times of each for 10 lengths of steps 2.4 MiB.
  const minutes = (METRICS.length * SLOS * MINUTES * 8) / MIB;
  const steps = (METRICS.length * SLOS * STEPS * 66 * 16) / MIB;
  expect(minutes + steps).toBeGreaterThan(3.5 * CACHE_MIB);
  const unbounded = await grownBytes(256);
  const bounded = await grownBytes(CACHE_MIB);
  // All of it is kept where it may be. Beside the cache itself code and connections have grown a little.
  expect(unbounded).toBeGreaterThan(5 * MIB);
  expect(bounded).toBeLessThan((CACHE_MIB + 3) * MIB);
}, 300_000);
