import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { findSlos, getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { keptSlo } from '../../src/storage/slo-versions.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);

test('an SLO that was read is answered from memory while its row stands, and read anew after', async () => {
  const ctx = actingAs(createTestEnvironment(database, NOW), 'kept');
  const { id } = await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
  expect(await keptSlo(ctx.db, 'kept', { id })).toBeNull();
  const first = await getSlo({ ctx, input: { id } });
  expect(await keptSlo(ctx.db, 'kept', { id })).toBe(first);
  expect(await keptSlo(ctx.db, 'kept', { project: 'default', name: 'api' })).toBe(first);
  expect(await getSlo({ ctx, input: { id: 'default.api' } })).toBe(first);

  await updateSlo({ ctx, input: { id, patch: { description: 'changed' } } });
  expect(await keptSlo(ctx.db, 'kept', { id })).toBeNull();
  expect((await getSlo({ ctx, input: { id } })).description).toBe('changed');

  await deleteSlo({ ctx, input: { id } });
  expect(await findSlos({ ctx, input: { ids: [id] } })).toEqual([null]);
});

test('what one account reads is never answered to another, by its id nor by the same name', async () => {
  const env = createTestEnvironment(database, NOW);
  const mine = actingAs(env, 'mine');
  const theirs = actingAs(env, 'theirs');
  const own = await createSlo({ ctx: mine, input: { name: 'api', target: 0.9 } });
  const foreign = await createSlo({ ctx: theirs, input: { name: 'api', target: 0.99 } });
  await getSlo({ ctx: mine, input: { id: own.id } });
  await getSlo({ ctx: theirs, input: { id: foreign.id } });
  expect(await keptSlo(env.db, 'mine', { id: foreign.id })).toBeNull();
  expect((await keptSlo(env.db, 'mine', { project: 'default', name: 'api' }))?.id).toBe(own.id);
  expect(await findSlos({ ctx: mine, input: { ids: [foreign.id] } })).toEqual([null]);
});

test('a status that is at hand is answered until data come in, on another replica too', async () => {
  const one = createTestEnvironment(database, NOW);
  const ctx = actingAs(one, 'fresh');
  // Another process has a memory of its own.
  const other = actingAs(createTestEnvironment(database, NOW), 'fresh');
  const { id } = await createSlo({ ctx, input: { name: 'api', target: 0.5 } });
  const push = (good: number) =>
    recordMeasurements({
      ctx: other,
      input: { id, body: { points: [{ at: new Date(NOW - 2 * MINUTE_MS).toISOString(), good, total: 4 }] } },
    });
  const reliability = async () => {
    const slo = await getSlo({ ctx, input: { id } });
    return (await readStatuses({ ctx, input: { slos: [slo] } })).get(id)?.objectives[0]?.reliability;
  };
  expect(await reliability()).toBeNull();
  await push(4);
  expect(await reliability()).toBe(1);
  expect(await reliability()).toBe(1);
  await push(3);
  expect(await reliability()).toBe(0.75);
  one.clock.advance(MINUTE_MS);
  expect(await reliability()).toBe(0.75);
});

test('a statement that fails leaves a connection that works', async () => {
  const { db } = createTestEnvironment(database, NOW);
  const statement = { name: 'np_slo_test_once', types: 'text', text: 'SELECT (1 / length($1))::text AS one' };
  await expect(db.once('mine', statement, [''])).rejects.toThrow('division by zero');
  for (let i = 0; i < 20; i += 1) expect(await db.once('mine', statement, ['a'])).toEqual([{ one: '1' }]);
  await expect(db.once("m'", statement, ['a'])).rejects.toThrow('account id');
  expect(await db.once('mine', statement, ["'; DROP TABLE np_slos; --"])).toEqual([{ one: '0' }]);
});
