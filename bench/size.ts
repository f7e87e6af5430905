import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/lib/duration.ts';
import { createSlo } from '../src/services/create-slo.ts';
import { evaluate } from '../src/services/evaluate.ts';
import { actingAs } from '../test/support/environment.ts';
import { environmentOf, pushMinutes } from './support/history.ts';
import { interleave } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { type BenchDatabase, startPostgres } from './support/postgres.ts';
import { scaled } from './support/sizes.ts';
import { sizeOf } from './support/tables.ts';

const ACCOUNT = 'primary';
const SLOS = scaled(100, 20);
/** What one run adds; all of them stay within one week, and so in one partition. */
const STRETCH_MS = 4 * HOUR_MS;
const MINUTES = STRETCH_MS / MINUTE_MS;
const ADDED = SLOS * MINUTES;

/** The points of any store, in a table with the same key: what there is to be kept at the very least. */
async function createBare({ query }: BenchDatabase): Promise<void> {
  await query(
    `CREATE TABLE bench_points (at timestamptz NOT NULL, good double precision, total double precision,
       slo_id uuid NOT NULL, source_account_id text NOT NULL, objective text NOT NULL,
       PRIMARY KEY (source_account_id, slo_id, objective, at)) PARTITION BY RANGE (at)`,
  );
  await query(
    `CREATE TABLE bench_points_0 PARTITION OF bench_points FOR VALUES FROM (MINVALUE) TO (MAXVALUE)`,
  );
}

/**
 * What an objective-minute takes in PostgreSQL, indexes included: what the tables grow by with each four hours
 * of live work, a push and a tick every minute.
 */
export async function size(): Promise<Outcome> {
  const server = await startPostgres();
  const database = await server.createDatabase('size');
  const { query } = database;
  // A Monday of the past.
  const startMs = floorTo(Date.now() - 4 * DAY_MS, 7 * DAY_MS) - 3 * DAY_MS;
  const env = environmentOf(database, startMs);
  const ctx = actingAs(env, ACCOUNT);
  for (let i = 0; i < SLOS; i += 1) await createSlo({ ctx, input: { name: `slo-${i}`, target: 0.999 } });
  const names = Array.from({ length: SLOS }, (_, i) => `default.slo-${i}`);
  await createBare(database);

  let before = 0;
  let bareBefore = 0;
  const medians = await interleave('size, bytes an objective-minute', {
    async ours(run) {
      const fromMs = startMs + run * STRETCH_MS;
      for (let minuteMs = fromMs; minuteMs < fromMs + STRETCH_MS; minuteMs += MINUTE_MS) {
        env.clock.set(minuteMs + 45 * SECOND_MS);
        await pushMinutes(env, ACCOUNT, names, minuteMs, minuteMs + MINUTE_MS);
        env.clock.set(minuteMs + MINUTE_MS + 2 * SECOND_MS);
        await evaluate(env);
      }
      const [row] = await query<{ rows: string }>(
        'SELECT count(*) AS rows FROM np_slo_snapshots WHERE budget IS NOT NULL AND at > $1',
        [new Date(fromMs)],
      );
      if (Number(row?.rows) !== ADDED) throw new Error(`${row?.rows} snapshots were added, not ${ADDED}`);
      const { bytes } = await sizeOf(database, 'np_slo_snapshots');
      const added = bytes - before;
      before = bytes;
      return added / ADDED;
    },
    async baseline(run) {
      const fromMs = startMs + run * STRETCH_MS;
      for (let minuteMs = fromMs; minuteMs < fromMs + STRETCH_MS; minuteMs += MINUTE_MS) {
        await query(
          `INSERT INTO bench_points SELECT $1, 999, 1000, id, source_account_id, 'default' FROM np_slos ORDER BY id`,
          [new Date(minuteMs + MINUTE_MS)],
        );
      }
      const { bytes } = await sizeOf(database, 'bench_points');
      const added = bytes - bareBefore;
      bareBefore = bytes;
      return added / ADDED;
    },
  });
  const { bytes, indexBytes } = await sizeOf(database, 'np_slo_snapshots');
  const all = ADDED * medians.runs;
  return {
    ...medians,
    ratio: medians.ours / medians.baseline,
    unit: 'bytes per objective-minute',
    further: { cumulative: bytes / all, index: indexBytes / all },
  };
}
