import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { settleSlos } from '../../src/storage/settled-slos.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 20);

const COLUMNS =
  'SELECT name, state, reliability, budget, burn_rate, evaluated_at, snapshots_until FROM np_slos ORDER BY name';

test('status columns that are copied from snapshots equal those that are computed', async () => {
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, 'primary');
  const threshold = (primary: boolean) => ({
    sli: { type: 'threshold' },
    objectives: [
      { name: 'fast', op: 'lte', value: 200, target: 0.5, primary },
      { name: 'ok', op: 'lt', value: 500, target: 0.9 },
    ],
  });
  await createSlo({ ctx, input: { name: 'a-ratio', target: 0.9 } });
  await createSlo({ ctx, input: { name: 'b-primary', ...threshold(true) } });
  await createSlo({ ctx, input: { name: 'c-worst', ...threshold(false) } });
  await createSlo({ ctx, input: { name: 'd-silent', target: 0.9 } });
  await createSlo({ ctx, input: { name: 'e-late', target: 0.9 } });
  await createSlo({ ctx, input: { name: 'f-half', ...threshold(false) } });
  const push = (name: string, back: number, point: object) =>
    recordMeasurements({
      ctx,
      input: {
        id: `default.${name}`,
        body: { points: [{ at: new Date(env.clock.now() - back * MINUTE_MS).toISOString(), ...point }] },
      },
    });
  await push('e-late', 3, { good: 1, total: 2 });
  await push('a-ratio', 0, { good: 97, total: 100 });
  for (const name of ['b-primary', 'c-worst']) {
    for (const value of [100, 300, 600]) await push(name, [100, 300, 600].indexOf(value) - 1, { value });
  }
  await push('f-half', 0, { value: 100, objective: 'ok' });
  env.clock.advance(MINUTE_MS);
  const atMs = Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS;

  // The ratio, the two thresholds with rows for both objectives (4) and the silent one are settled.
  expect((await env.db.owner((tx) => settleSlos(tx, atMs, []))).objectives).toBe(0);
  const { objectives, behind, changes } = await env.db.owner((tx) => settleSlos(tx, atMs, null));
  expect(objectives).toBe(6);
  // The late one, and the one of which one objective alone has a row.
  expect(behind).toBe(2);
  // What is told: those that have data, by their ids.
  const told = await database.query<{ id: string }>("SELECT id FROM np_slos WHERE name ~ '^[abc]-'");
  expect(changes).toEqual([
    { accountId: 'primary', sloIds: expect.any(Array), kind: 'status', fromMs: null },
  ]);
  expect(new Set(changes[0]?.sloIds)).toEqual(new Set(told.map(({ id }) => id)));
  const copied = await database.query(COLUMNS);
  await evaluate(env);
  const evaluated = await database.query<{ evaluated_at: Date }>(COLUMNS);
  expect(evaluated.every(({ evaluated_at }) => evaluated_at.getTime() === atMs)).toBe(true);
  await database.query("UPDATE np_slos SET state = 'no_data', budget = NULL, evaluated_at = NULL");
  await evaluate(env);
  const computed = await database.query(COLUMNS);
  expect(evaluated).toEqual(computed);
  expect(copied.slice(0, 4)).toEqual(computed.slice(0, 4));
});

test('an SLO that is being written is left alone, not waited for', async () => {
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, 'busy');
  const names = ['one', 'two'];
  for (const name of names) {
    const { id } = await createSlo({ ctx, input: { name, target: 0.9 } });
    const points = [{ at: new Date(NOW).toISOString(), good: 1, total: 1 }];
    await recordMeasurements({ ctx, input: { id, body: { points } } });
  }
  env.clock.advance(MINUTE_MS);
  const atMs = Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS;
  await env.db.owner(async (writer) => {
    await writer.client.query(
      "SELECT id FROM np_slos WHERE source_account_id = 'busy' AND name = 'one' FOR NO KEY UPDATE",
    );
    const { behind } = await env.db.owner((tx) => settleSlos(tx, atMs, null));
    expect(behind).toBe(1);
  });
  const rows = await database.query<{ name: string; evaluated_at: Date }>(
    "SELECT name, evaluated_at FROM np_slos WHERE source_account_id = 'busy' ORDER BY name",
  );
  expect(rows.map(({ name, evaluated_at }) => [name, evaluated_at.getTime() === atMs])).toEqual([
    ['one', false],
    ['two', true],
  ]);
});

test('the blocks of the table are settled part by part, each row in one of them, and nothing else is locked', async () => {
  const SLOS = 6000;
  const own = await createTestDatabase();
  const env = createTestEnvironment(own, NOW);
  const ctx = actingAs(env, 'primary');
  const { id } = await createSlo({ ctx, input: { name: 'first', target: 0.9 } });
  await own.query(
    `INSERT INTO np_slos SELECT (json_populate_record(s, json_build_object(
       'id', gen_random_uuid(), 'source_account_id', 'account-' || n % 7, 'name', 'copy-' || n))).*
     FROM np_slos s, generate_series(2, $1) n`,
    [SLOS],
  );
  const points = [{ at: new Date(NOW).toISOString(), good: 97, total: 100 }];
  await recordMeasurements({ ctx, input: { id, body: { points } } });
  const evaluated = async (): Promise<number> => {
    const [row] = await own.query<{ slos: number }>(
      'SELECT count(*)::int AS slos FROM np_slos WHERE evaluated_at = $1',
      [new Date(Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS)],
    );
    return row?.slos ?? 0;
  };
  const tick = async () => {
    let objectives = 0;
    const statements = await statementsOf(async () => {
      ({ objectives } = await evaluate(env));
    });
    return {
      objectives,
      evaluated: await evaluated(),
      parts: statements.filter(({ text }) => /WITH done AS/.test(text)).length,
      locked: statements.some(({ text }) => /^select .* for no key update/is.test(text)),
    };
  };
  env.clock.advance(MINUTE_MS);
  expect(await tick()).toEqual({ objectives: SLOS, evaluated: SLOS, parts: 4, locked: false });
  // One of them cannot be copied: there is no row of its minute yet.
  env.clock.advance(MINUTE_MS);
  expect(await tick()).toEqual({ objectives: SLOS, evaluated: SLOS, parts: 4, locked: true });
  expect(await tick()).toEqual({ objectives: 0, evaluated: SLOS, parts: 4, locked: false });
  // The accounts of a share alone.
  const [account] = await own.query<{ shard: number; slos: number }>(
    `SELECT hashtext(source_account_id) & 63 AS shard, count(*)::int AS slos FROM np_slos
     WHERE source_account_id = 'account-3' GROUP BY 1`,
  );
  env.clock.advance(MINUTE_MS);
  await evaluate(env, { held: () => [account?.shard ?? -1] });
  expect(await evaluated()).toBe(account?.slos);
  expect(account?.slos).toBeGreaterThan(800);
});
