import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DAY_MS, floorTo, MINUTE_MS, SECOND_MS } from '../src/lib/duration.ts';
import { cloneSlos, makeTemplates } from './support/history.ts';
import { interleave } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { eventsOf } from './support/points.ts';
import { type BenchDatabase, startPostgres } from './support/postgres.ts';
import { progress } from './support/progress.ts';
import { startPrometheus } from './support/prometheus.ts';
import { settleReports } from './support/reports.ts';
import { startService } from './support/service.ts';
import { scaled } from './support/sizes.ts';
import { settle } from './support/tables.ts';

const SLOS = scaled(1000, 10);
const WINDOW_DAYS = 30;
const PATTERNS = 4;
const QUERY = `sum_over_time(good[${WINDOW_DAYS}d]) / sum_over_time(total[${WINDOW_DAYS}d])`;
/** Questions of ours a run: one alone is too short to be measured among others' work. */
const QUESTIONS = 20;
/** Before each side: Prometheus collects its garbage for a while after an answer, which is not to slow down our next one. */
const REST_MS = SECOND_MS;
/** Questions of ours before the first run: Node.js compiles as it goes, and its first pages take twice as long. */
const WARM_UP = 150;

const listSchema = z.object({
  data: z.array(
    z.object({
      name: z.string(),
      status: z.object({ objectives: z.tuple([z.object({ reliability: z.number() })]) }),
    }),
  ),
});

/** One series of `good` and one of `total` each, labelled `slo`. */
function* eventMetrics(
  slos: readonly { readonly name: string; readonly series: number }[],
  startMs: number,
  endMs: number,
): Generator<string> {
  for (const metric of ['good', 'total'] as const) {
    yield `# TYPE ${metric} gauge\n`;
    for (const { name, series } of slos) {
      let lines = '';
      for (let atMs = startMs; atMs < endMs; atMs += MINUTE_MS) {
        lines += `${metric}{slo="${name}"} ${eventsOf(atMs - MINUTE_MS, series)[metric]} ${atMs / 1000}\n`;
      }
      yield lines;
    }
  }
}

function assertSame(ours: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>): void {
  if (ours.size !== SLOS || theirs.size !== SLOS) throw new Error(`${ours.size} and ${theirs.size} answers`);
  for (const [name, value] of ours) {
    const other = theirs.get(name) ?? Number.NaN;
    if (!(Math.abs(value - other) <= 1e-9)) throw new Error(`${name}: ours ${value}, Prometheus ${other}`);
  }
}

async function loadHistories(fromMs: number, toMs: number): Promise<BenchDatabase> {
  const server = await startPostgres();
  const database = await server.createDatabase('budget');
  const definition = { target: 0.999, time_window: { type: 'rolling', duration: `${WINDOW_DAYS}d` } };
  await makeTemplates({ database, definition, fromMs, toMs, patterns: PATTERNS });
  await cloneSlos(database, { accounts: ['primary'], slosPerAccount: SLOS });
  await settle(database, ['np_slo_snapshots', 'np_slos']);
  return database;
}

/** The statuses of 1,000 SLOs at a past instant against Prometheus over the same samples. */
export async function budget(): Promise<Outcome> {
  const toMs = floorTo(Date.now(), MINUTE_MS);
  const fromMs = toMs - WINDOW_DAYS * DAY_MS;
  const slos = Array.from({ length: SLOS }, (_, n) => ({ name: `slo-${n}`, series: n % PATTERNS }));
  // Side by side: each takes minutes, and waits for its disk much of the time.
  const [prometheus, database] = await Promise.all([
    startPrometheus({
      fromMs,
      toMs,
      openMetrics: (startMs, endMs) => eventMetrics(slos, startMs, endMs),
    }),
    loadHistories(fromMs, toMs),
  ]);
  const service = await startService({ databaseUrl: database.url });
  await settleReports(database);

  let atMs = toMs;
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  /** Of the last ten days. */
  const randomMs = (): number => toMs - Math.floor(random() * 10 * 1440) * MINUTE_MS;
  /** Timed to where the answer has arrived, like Prometheus: reading it costs the client, not the server. */
  const ask = async (): Promise<{ values: Map<string, number>; ms: number }> => {
    const at = new Date(atMs).toISOString();
    const startedMs = performance.now();
    const answer = await fetch(`${service.url}/api/v1/slos?limit=1000&status=1&at=${at}`, {
      headers: service.headers,
    });
    const text = await answer.text();
    const ms = performance.now() - startedMs;
    const { data } = listSchema.parse(JSON.parse(text));
    return { values: new Map(data.map(({ name, status }) => [name, status.objectives[0].reliability])), ms };
  };
  // Beforehand, so that both have connections, and compiled what they run: Node.js compiles as it goes.
  for (let i = 0; i < WARM_UP; i += 1) {
    atMs = randomMs();
    await ask();
  }
  assertSame((await ask()).values, (await prometheus.query(QUERY, atMs + SECOND_MS)).values);
  progress('both give the same answers');

  let answers = new Map<string, number>();
  const medians = await interleave('budget, ms', {
    async ours() {
      await sleep(REST_MS);
      let ms = 0;
      for (let i = 0; i < QUESTIONS; i += 1) {
        // Another instant each time, so that nobody answers from a cache.
        atMs = randomMs();
        const answer = await ask();
        answers = answer.values;
        ms += answer.ms;
      }
      return ms / QUESTIONS;
    },
    async baseline() {
      await sleep(REST_MS);
      // A second past the minute: the range then holds as many samples as the window has minutes.
      const { values, ms } = await prometheus.query(QUERY, atMs + SECOND_MS);
      assertSame(answers, values);
      return ms;
    },
  });
  return { ...medians, ratio: medians.baseline / medians.ours, unit: 'ms', further: { slos: SLOS } };
}
