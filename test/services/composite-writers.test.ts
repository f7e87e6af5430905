import fc from 'fast-check';
import pg from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment, removeBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { builtProgram } from '../support/built-program.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { startProcess } from '../support/process.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
/** The history lies on both sides of a midnight. */
const START = Date.UTC(2026, 10, 9, 23);
const LEAVES = ['a', 'b', 'c'] as const;
type Leaf = (typeof LEAVES)[number];
let account = 0;

/** `outer` is made of `inner` and c, `inner` of a and b. */
async function createAll(ctx: ServiceContext): Promise<void> {
  const time_window = { type: 'rolling', duration: '90m' };
  for (const name of LEAVES) await createSlo({ ctx, input: { name, target: 0.9, time_window } });
  const composite = (name: string, of: readonly string[], rest: object) => {
    const components = of.map((slo, i) => ({ slo, weight: i + 1, when_delayed: 'count_as_bad' }));
    const sli = { type: 'composite', components, max_delay: '5m' };
    return createSlo({ ctx, input: { name, time_window, sli, ...rest } });
  };
  await composite('inner', ['a', 'b'], { target: 0.9 });
  await composite('outer', ['inner', 'c'], {
    budgeting_method: 'timeslices',
    time_slice_window: '5m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.7 }],
  });
}

const timeOf = (m: number): string => new Date(START + m * MINUTE_MS).toISOString();

/** Every leaf has gaps of its own: c has no minute of every seventh, and b is silent from minute 70 to 89. */
function pointOf(leaf: Leaf, m: number): { at: string; good: number; total: number } | null {
  if ((leaf === 'c' && m % 7 === 3) || (leaf === 'b' && m >= 70 && m < 90)) return null;
  return { at: timeOf(m), good: (m * 5 + LEAVES.indexOf(leaf)) % 9, total: 8 + (m % 2) };
}

const pointsOf = (leaf: Leaf, fromMinute: number, untilMinute: number) =>
  Array.from({ length: untilMinute - fromMinute }, (_, i) => pointOf(leaf, fromMinute + i)).filter(
    (point) => point !== null,
  );

const linesOf = (minutes: number): string =>
  LEAVES.flatMap((leaf) =>
    pointsOf(leaf, 0, minutes).map((point) => JSON.stringify({ slo: `default.${leaf}`, ...point })),
  ).join('\n');

/** Every row of the account's SLOs, in words that can be compared. */
async function rowsOf(accountId: string): Promise<string[]> {
  const rows = await database.query(
    `SELECT o.name, s.at, s.state, s.used_good, s.used_total, s.reliability, s.budget, s.burn_rate, s.slice_reliability,
            s.evaluated_at, s.counted_at, s.lookback_end, s.component_impact, s.component_delay, s.component_was_delayed
     FROM np_slo_snapshots s JOIN np_slos o ON o.source_account_id = s.source_account_id AND o.id = s.slo_id
     WHERE s.source_account_id = $1 AND (s.state IS NOT NULL OR s.used_total IS NOT NULL) ORDER BY o.name, s.at`,
    [accountId],
  );
  const current = await database.query(
    `SELECT name, state, reliability, budget, burn_rate, last_data_at, first_data_at, snapshots_until, recompute_from
     FROM np_slos WHERE source_account_id = $1 ORDER BY name`,
    [accountId],
  );
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toFixed(9)) + 0 : value;
  return [...rows, ...current].map((row) => JSON.stringify(row, rounded));
}

const MINUTES = 110;
const BATCHES = 5;
/** Orders in which the batches of each leaf come in. */
const orders = fc.array(
  fc.shuffledSubarray(
    Array.from({ length: BATCHES }, (_, i) => i),
    { minLength: BATCHES },
  ),
  { minLength: LEAVES.length, maxLength: LEAVES.length },
);

test('two replicas that write the components of composites at once leave what a quiet rebuild makes', async () => {
  const other = createDatabase(database.url, { logger: pino({ level: 'silent' }), maxConnections: 4 });
  const nowMs = START + MINUTES * MINUTE_MS + 20_000;
  const check = async (batches: readonly (readonly number[])[]): Promise<void> => {
    account += 1;
    const replicas = [createTestEnvironment(database, nowMs), createTestEnvironment({ db: other }, nowMs)];
    const [first, second] = replicas.map((env) => actingAs(env, `busy-${account}`));
    if (first === undefined || second === undefined) throw new Error('two replicas');
    await createAll(first);
    const size = Math.ceil(MINUTES / BATCHES);
    const push = async (ctx: ServiceContext, leaf: Leaf, order: readonly number[]): Promise<void> => {
      for (const i of order) {
        const points = pointsOf(leaf, i * size, Math.min(MINUTES, (i + 1) * size));
        await recordMeasurements({ ctx, input: { id: `default.${leaf}`, body: { points } } });
      }
    };
    const adjust = (ctx: ServiceContext, slo: string, start: number) =>
      addBudgetAdjustment({
        ctx,
        input: { id: `default.${slo}`, body: { starts_at: timeOf(start), duration: '12m' } },
      });
    const adjustAndBack = async (ctx: ServiceContext, slo: string, start: number): Promise<void> => {
      const { adjustment } = await adjust(ctx, slo, start);
      await removeBudgetAdjustment({ ctx, input: { id: `default.${slo}`, adjustmentId: adjustment.id } });
    };
    await Promise.all([
      push(first, 'a', batches[0] ?? []),
      push(second, 'b', batches[1] ?? []),
      push(second, 'c', batches[2] ?? []),
      // The same again by the other replica changes nothing.
      push(second, 'a', batches[1] ?? []),
      adjustAndBack(first, 'a', 20).then(() => adjustAndBack(second, 'inner', 50)),
      adjust(second, 'b', 40).then(() => adjustAndBack(first, 'outer', 95)),
      adjust(first, 'inner', 100),
      ...replicas.map(async (env) => {
        for (let i = 0; i < 3; i += 1) await evaluate(env);
      }),
    ]);

    const ctx = actingAs(createTestEnvironment(database, nowMs), `quiet-${account}`);
    await createAll(ctx);
    await adjust(ctx, 'b', 40);
    await adjust(ctx, 'inner', 100);
    await recordStream({ ctx, input: { body: new Blob([linesOf(MINUTES)]).stream() } });
    for (const env of replicas) await evaluate(env);
    const quiet = await rowsOf(`quiet-${account}`);
    expect(quiet.length).toBeGreaterThan(5 * MINUTES - 60);
    expect(await rowsOf(`busy-${account}`)).toEqual(quiet);
  };
  try {
    await fc.assert(fc.asyncProperty(orders, check), propertyRuns(1));
  } finally {
    await other.close();
  }
}, 240_000);

test('a composite that was marked is computed anew by whoever comes next, when its writer is killed midway', async () => {
  const minutes = 400;
  const nowMs = START + minutes * MINUTE_MS + 20_000;
  const env = createTestEnvironment(database, nowMs);
  const [killed, quiet] = ['killed', 'never-killed'].map((name) => actingAs(env, name));
  if (killed === undefined || quiet === undefined) throw new Error('two accounts');
  for (const ctx of [killed, quiet]) {
    await createAll(ctx);
    const points = pointsOf('c', 0, minutes);
    await recordMeasurements({ ctx, input: { id: 'default.c', body: { points } } });
  }

  // The composite's own rows are written last: another session holds one of them until the writer is dead.
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  const marks = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM np_slos WHERE source_account_id = 'killed' AND recompute_from IS NOT NULL`,
    );
    return row?.n ?? 0;
  };
  const waiting = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%np_slo_snapshots%'`,
    );
    return row?.n ?? 0;
  };
  try {
    await holder.query('BEGIN');
    const { rowCount } = await holder.query(
      `SELECT 1 FROM np_slo_snapshots s JOIN np_slos o ON o.source_account_id = s.source_account_id AND o.id = s.slo_id
       WHERE s.source_account_id = 'killed' AND o.name = 'outer' FOR UPDATE OF s`,
    );
    expect(rowCount).toBeGreaterThan(300);
    const writer = await startProcess({
      command: [process.execPath, builtProgram('test/services/stream-in-process.ts')],
      env: {
        DATABASE_URL: database.url,
        NOW_MS: String(nowMs),
        ACCOUNT: 'killed',
        BODY: linesOf(minutes),
      },
    });
    await expect.poll(waiting, { timeout: 60_000 }).toBe(1);
    await writer.kill('SIGKILL');
    expect(await marks()).toBeGreaterThan(0);
  } finally {
    await holder.end();
  }

  await recordStream({ ctx: quiet, input: { body: new Blob([linesOf(minutes)]).stream() } });
  await expect
    .poll(
      async () => {
        await evaluate(env);
        return marks();
      },
      { timeout: 60_000 },
    )
    .toBe(0);
  const expected = await rowsOf('never-killed');
  expect(expected.length).toBeGreaterThan(5 * minutes - 150);
  expect(await rowsOf('killed')).toEqual(expected);
}, 240_000);
