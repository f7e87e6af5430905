import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { settleSlos } from '../../src/storage/settled-slos.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

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
  const { objectives, changes } = await env.db.owner((tx) => settleSlos(tx, atMs, null));
  expect(objectives).toBe(6);
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
    await env.db.owner((tx) => settleSlos(tx, atMs, null));
  });
  const rows = await database.query<{ name: string; evaluated_at: Date }>(
    "SELECT name, evaluated_at FROM np_slos WHERE source_account_id = 'busy' ORDER BY name",
  );
  expect(rows.map(({ name, evaluated_at }) => [name, evaluated_at.getTime() === atMs])).toEqual([
    ['one', false],
    ['two', true],
  ]);
});
