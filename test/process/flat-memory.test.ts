import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { usedDataDir } from '../support/data-dir.ts';
import { startProcess } from '../support/process.ts';

const SECRET = 'the-secret-of-this-test';
const HEADERS = { authorization: `Bearer ${SECRET}` };
const SLOS = 100;
const MINUTES = 500;
const POINTS_A_MINUTE = 40;
const LINES = SLOS * MINUTES * POINTS_A_MINUTE;

/** Resident memory in MB; null where the system has no /proc. */
async function residentMb(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  const match = status === null ? null : /VmRSS:\s+(\d+) kB/.exec(status);
  return match === null ? null : Number(match[1]) / 1024;
}

/** A minute after the other, each with many points of every SLO. */
function body(firstMs: number): ReadableStream<Uint8Array> {
  let minute = 0;
  return new ReadableStream({
    pull(controller) {
      const at = new Date(firstMs + minute * MINUTE_MS).toISOString();
      const lines: string[] = [];
      for (let slo = 0; slo < SLOS; slo += 1) {
        const line = `{"slo":"default.s${slo}","at":"${at}","good":9,"total":10}\n`;
        for (let point = 0; point < POINTS_A_MINUTE; point += 1) lines.push(line);
      }
      controller.enqueue(Buffer.from(lines.join('')));
      minute += 1;
      if (minute === MINUTES) controller.close();
    },
  });
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

test('2,000,000 lines of measurements go through with flat memory, and count', {
  timeout: 300_000,
}, async () => {
  const service = await startProcess({
    env: { DATA_DIR: await usedDataDir(), PLUGIN_SECRET: SECRET, RATE_LIMIT: 'off' },
  });
  const url = await service.url();
  for (let slo = 0; slo < SLOS; slo += 1) {
    const created = await fetch(`${url}/api/v1/slos`, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `s${slo}`, target: 0.9 }),
    });
    expect(created.status).toBe(201);
  }
  const firstMs = Math.floor(Date.now() / MINUTE_MS - MINUTES) * MINUTE_MS;
  const samples: number[] = [];
  const sampling = setInterval(async () => {
    const mb = await residentMb(service.pid);
    if (mb !== null) samples.push(mb);
  }, 250);
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { ...HEADERS, 'content-type': 'application/x-ndjson' },
    body: body(firstMs),
    duplex: 'half',
  };
  const response = await fetch(`${url}/api/v1/measurements`, init);
  clearInterval(sampling);
  expect(await response.json()).toEqual({ accepted: LINES, rejected: 0, errors: [] });

  const read = await fetch(`${url}/api/v1/slos/default.s7`, { headers: HEADERS });
  const { status } = await read.json();
  expect(status.objectives[0]).toMatchObject({
    count_good: MINUTES * POINTS_A_MINUTE * 9,
    count_total: MINUTES * POINTS_A_MINUTE * 10,
    state: 'exhausted',
  });
  if (samples.length < 8) return;
  // Flat: once it has warmed up, the second half of the stream takes what the first half took. By the middle of
  // each, since a single peak is the collector's whim.
  const warm = samples.slice(Math.floor(samples.length / 5));
  const half = warm.length >> 1;
  const [early, late] = [median(warm.slice(0, half)), median(warm.slice(half))];
  expect(late).toBeLessThan(early * 1.3);
  expect(late).toBeLessThan(450);
});
