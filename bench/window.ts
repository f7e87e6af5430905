import { DAY_MS, floorTo, MINUTE_MS, SECOND_MS } from '../src/lib/duration.ts';
import { evaluate } from '../src/services/evaluate.ts';
import { findSlos } from '../src/services/find-slos.ts';
import { readStatuses } from '../src/services/read-status.ts';
import type { Slo } from '../src/slo/definition.ts';
import { actingAs, type TestEnvironment } from '../test/support/environment.ts';
import { cloneSlos, environmentOf, makeTemplates, pushMinutes, referencesOf } from './support/history.ts';
import { interleave, median, timed } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { type BenchServer, startPostgres } from './support/postgres.ts';
import { progress } from './support/progress.ts';
import { scaled } from './support/sizes.ts';
import { settle } from './support/tables.ts';

const ACCOUNT = 'primary';
/** The long window. */
const LONG_MS = scaled(90, 8) * DAY_MS;
/** Minutes there are of every SLO, whatever its window: what a status of the last day looks back at, and more. */
const HISTORY_MS = LONG_MS + DAY_MS + 60 * MINUTE_MS;
const SLOS = scaled(20, 4);
const READS = scaled(200, 50);
/** A tick of a few SLOs is short, so one run has several. */
const TICKS = 5;

interface Fleet {
  readonly env: TestEnvironment;
  readonly slos: readonly Slo[];
  minuteMs: number;
}

async function createFleet(server: BenchServer, name: string, duration: string): Promise<Fleet> {
  const database = await server.createDatabase(name);
  const endMs = floorTo(Date.now(), MINUTE_MS);
  const definition = { target: 0.999, time_window: { type: 'rolling', duration } };
  await makeTemplates({
    database,
    definition,
    fromMs: endMs - HISTORY_MS,
    toMs: endMs,
    patterns: 2,
  });
  await cloneSlos(database, { accounts: [ACCOUNT], slosPerAccount: SLOS });
  const env = environmentOf(database, endMs + 2 * SECOND_MS);
  await env.partitions.ensure(endMs, endMs + 8 * DAY_MS);
  await settle(database, ['np_slo_snapshots', 'np_slos']);
  const input = { ids: referencesOf(SLOS) };
  const slos = (await findSlos({ ctx: actingAs(env, ACCOUNT), input })).filter((slo) => slo !== null);
  const fleet: Fleet = { env, slos, minuteMs: endMs };
  await ticks(fleet);
  await reads(fleet, 0);
  return fleet;
}

/** Milliseconds of one tick, its minute pushed before. */
async function ticks(fleet: Fleet): Promise<number> {
  const { env } = fleet;
  const taken: number[] = [];
  for (let i = 0; i < TICKS; i += 1) {
    env.clock.set(fleet.minuteMs + 30 * SECOND_MS);
    await pushMinutes(env, ACCOUNT, referencesOf(SLOS), fleet.minuteMs, fleet.minuteMs + MINUTE_MS);
    fleet.minuteMs += MINUTE_MS;
    env.clock.set(fleet.minuteMs + 2 * SECOND_MS);
    taken.push(await timed(() => evaluate(env)));
  }
  return median(taken);
}

/** Milliseconds of one status read: of single SLOs, now and at instants of the last day, one after another. */
async function reads({ env, slos, minuteMs }: Fleet, seed: number): Promise<number> {
  const ctx = actingAs(env, ACCOUNT);
  const ms = await timed(async () => {
    for (let i = 0; i < READS; i += 1) {
      const slo = slos[i % slos.length];
      if (slo === undefined) throw new Error('there are no SLOs');
      const backMs = i % 2 === 0 ? 0 : ((seed * 37 + i * 7) % 1440) * MINUTE_MS;
      const status = (await readStatuses({ ctx, input: { slos: [slo], atMs: minuteMs - backMs } })).get(
        slo.id,
      );
      if (status?.objectives[0]?.reliability == null) throw new Error('a status is missing');
    }
  });
  return ms / READS;
}

/** Status reads and ticks over a window of 90 d against the same over 1 d. */
export async function window(): Promise<Outcome> {
  const server = await startPostgres();
  const long = await createFleet(server, 'window_long', `${LONG_MS / DAY_MS}d`);
  const short = await createFleet(server, 'window_short', '1d');
  const reading = await interleave('status read, ms', {
    ours: (run) => reads(long, run),
    baseline: (run) => reads(short, run),
  });
  const ticking = await interleave('tick, ms', { ours: () => ticks(long), baseline: () => ticks(short) });
  const readRatio = reading.ours / reading.baseline;
  const tickRatio = ticking.ours / ticking.baseline;
  progress(`status read ${readRatio.toFixed(3)}, tick ${tickRatio.toFixed(3)}`);
  // The worse of the two stands for the bench.
  const worse = readRatio > tickRatio ? reading : ticking;
  return {
    ...worse,
    ratio: Math.max(readRatio, tickRatio),
    unit: 'ms',
    further: {
      readRatio,
      tickRatio,
      readMs: reading.ours,
      readBaselineMs: reading.baseline,
      tickMs: ticking.ours,
      tickBaselineMs: ticking.baseline,
    },
  };
}
