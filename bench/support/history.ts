import { floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../../test/support/environment.ts';
import { streamBody } from './points.ts';
import type { BenchDatabase } from './postgres.ts';
import { progress } from './progress.ts';
import { columnsOf } from './tables.ts';

/** Where services run, their clock set by the bench. */
export function environmentOf(database: BenchDatabase, nowMs: number): TestEnvironment {
  return createTestEnvironment(database, nowMs);
}

/** Sends points of the minutes in `[fromMs, toMs)` to every SLO, in one stream, as the service takes it. */
export async function pushMinutes(
  env: TestEnvironment,
  accountId: string,
  slos: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<void> {
  const body = bodyOf(slos, fromMs, toMs);
  const { rejected, errors } = await recordStream({ ctx: actingAs(env, accountId), input: { body } });
  if (rejected > 0) throw new Error(`${rejected} points were refused: ${errors[0]?.message}`);
}

async function* bodyOf(slos: readonly string[], fromMs: number, toMs: number): AsyncGenerator<Uint8Array> {
  yield* streamBody(slos, fromMs, toMs);
}

/** Kept apart, and so out of the way of what is measured. */
const ROWS = 'bench_template_rows';
const SLOS = 'bench_template_slos';

export interface HistoryOptions {
  readonly database: BenchDatabase;
  /** As `POST /api/v1/slos` takes it, without a name. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Minutes with data: all in `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Different series there are; every further SLO repeats one of them. */
  readonly patterns?: number;
}

/**
 * Makes histories by sending their points through the service, and puts the rows that it wrote aside, for
 * `cloneSlos` to repeat: true to what the code writes, and quicker than sending the points of every SLO.
 */
export async function makeTemplates(options: HistoryOptions): Promise<void> {
  const { database, definition, fromMs, toMs, patterns = 4 } = options;
  const { query } = database;
  const env = environmentOf(database, toMs);
  const ctx = actingAs(env, 'template');
  const names: string[] = [];
  for (let i = 0; i < patterns; i += 1) {
    const slo = await createSlo({ ctx, input: { ...definition, name: `pattern-${i}` } });
    names.push(`${slo.project}.${slo.name}`);
  }
  await pushMinutes(env, 'template', names, fromMs, toMs);
  await query(
    `CREATE TABLE ${SLOS} AS SELECT row_number() OVER (ORDER BY name) - 1 AS pattern, * FROM np_slos`,
  );
  await query(`CREATE TABLE ${ROWS} AS SELECT t.pattern, s.* FROM np_slo_snapshots s
               JOIN ${SLOS} t ON t.source_account_id = s.source_account_id AND t.id = s.slo_id`);
  await query(`CREATE INDEX ON ${ROWS} (at)`);
  await query(`ANALYZE ${ROWS}`);
  await query('TRUNCATE np_slo_snapshots');
  await query('DELETE FROM np_slos');
  progress(`${patterns} histories of ${(toMs - fromMs) / MINUTE_MS} minutes are made`);
}

/** Which rows of the histories are wanted: `low <= at <= high`. */
export interface Stretch {
  readonly lowMs: number;
  readonly highMs: number;
}

export interface CloneOptions {
  readonly accounts: readonly string[];
  /** SLOs of each account, named `slo-0` and so on in the project `default`. */
  readonly slosPerAccount: number;
  /** Ascending, apart from each other; all when left out. */
  readonly stretches?: readonly Stretch[];
}

/** A day's rows are sorted at a time: in memory, and in the order in which ticks would have written them. */
const CHUNK_MS = 360 * MINUTE_MS;

/** Makes SLOs out of the templates, with their history and status. Returns the number of snapshots. */
export async function cloneSlos(database: BenchDatabase, options: CloneOptions): Promise<number> {
  const { query } = database;
  const { accounts, slosPerAccount } = options;
  const patterns = (await query(`SELECT 1 FROM ${SLOS}`)).length;
  const own = ['id', 'source_account_id', 'name'];
  const sloColumns = (await columnsOf(database, 'np_slos')).filter((name) => !own.includes(name));
  await query(
    `INSERT INTO np_slos (id, source_account_id, name, ${sloColumns.join(', ')})
     SELECT gen_random_uuid(), a.account, 'slo-' || n, ${sloColumns.map((name) => `t.${name}`).join(', ')}
     FROM unnest($1::text[]) AS a(account) CROSS JOIN generate_series(0, $2::int - 1) AS n
     JOIN ${SLOS} t ON t.pattern = n % $3::int`,
    [accounts, slosPerAccount, patterns],
  );
  await query(
    `CREATE TABLE IF NOT EXISTS bench_owners (pattern bigint, source_account_id text, slo_id uuid)`,
  );
  await query('TRUNCATE bench_owners');
  await query(
    `INSERT INTO bench_owners SELECT substr(name, 5)::int % $1::int, source_account_id, id FROM np_slos
     WHERE source_account_id = ANY ($2)`,
    [patterns, accounts],
  );
  await query('ANALYZE bench_owners');
  const rest = (await columnsOf(database, 'np_slo_snapshots')).filter(
    (name) => name !== 'source_account_id' && name !== 'slo_id',
  );
  await query("SET work_mem = '512MB'");
  let rows = 0;
  for (const { lowMs, highMs } of options.stretches ?? [await extent(database)]) {
    for (let startMs = lowMs; startMs <= highMs; startMs = floorTo(startMs, CHUNK_MS) + CHUNK_MS) {
      const endMs = Math.min(floorTo(startMs, CHUNK_MS) + CHUNK_MS - MINUTE_MS, highMs);
      const [inserted] = await query<{ count: string }>(
        `WITH inserted AS (
           INSERT INTO np_slo_snapshots (source_account_id, slo_id, ${rest.join(', ')})
           SELECT o.source_account_id, o.slo_id, ${rest.map((name) => `t.${name}`).join(', ')}
           FROM ${ROWS} t JOIN bench_owners o ON o.pattern = t.pattern
           WHERE t.at >= $1 AND t.at <= $2 ORDER BY t.at, o.source_account_id, o.slo_id
           RETURNING 1
         ) SELECT count(*) FROM inserted`,
        [new Date(startMs), new Date(endMs)],
      );
      rows += Number(inserted?.count ?? 0);
    }
  }
  await query('RESET work_mem');
  progress(`${accounts.length * slosPerAccount} SLOs with ${rows} snapshots are made`);
  return rows;
}

async function extent({ query }: BenchDatabase): Promise<Stretch> {
  const [row] = await query<{ low: Date; high: Date }>(`SELECT min(at) AS low, max(at) AS high FROM ${ROWS}`);
  if (row === undefined) throw new Error('there are no templates');
  return { lowMs: row.low.getTime(), highMs: row.high.getTime() };
}

/** The references of an account's SLOs, as `cloneSlos` names them. */
export function referencesOf(slosPerAccount: number): string[] {
  return Array.from({ length: slosPerAccount }, (_, n) => `default.slo-${n}`);
}
