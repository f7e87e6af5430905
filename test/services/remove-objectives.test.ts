import { expect, test } from 'vitest';
import { DAY_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const env = createTestEnvironment(database, Date.UTC(2026, 10, 18, 12, 0, 2));
const ctx = actingAs(env, 'account');

/** With data of now and of three weeks ago, and so rows in several partitions. */
async function sloOf(name: string, objectives: readonly string[]): Promise<string> {
  const { id } = await createSlo({
    ctx,
    input: {
      name,
      time_window: { type: 'rolling', duration: '1h' },
      objectives: objectives.map((objective, i) => ({ name: objective, target: 0.9 + i / 100 })),
    },
  });
  const points = [1000, 21 * DAY_MS].map((ago) => ({
    at: new Date(env.clock.now() - ago).toISOString(),
    ...{ good: 9, total: 10 },
  }));
  await recordMeasurements({ ctx, input: { id, body: { points } } });
  return id;
}

const rowsOf = async (id: string) =>
  database.query<{ objective: string; weeks: number }>(
    `SELECT objective, count(DISTINCT date_trunc('week', at))::int AS weeks FROM np_slo_snapshots
     WHERE slo_id = $1 GROUP BY objective ORDER BY objective`,
    [id],
  );

test('objectives that are removed take their snapshots of every week along, and no others', async () => {
  const id = await sloOf('api', ['a', 'b', 'c']);
  const neighbour = await sloOf('neighbour', ['a', 'b']);
  const before = await rowsOf(neighbour);
  expect((await rowsOf(id)).map(({ objective }) => objective)).toEqual(['a', 'b', 'c']);
  expect(before.every(({ weeks }) => weeks > 1)).toBe(true);

  const objectives = [
    { name: 'a', remove: true },
    { name: 'b', remove: true },
  ];
  await updateSlo({ ctx, input: { id, patch: { objectives } } });
  expect((await rowsOf(id)).map(({ objective }) => objective)).toEqual(['c']);
  expect(await rowsOf(neighbour)).toEqual(before);

  await deleteSlo({ ctx, input: { id } });
  expect(await rowsOf(id)).toEqual([]);
  expect(await rowsOf(neighbour)).toEqual(before);
});
