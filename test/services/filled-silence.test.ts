import { expect, test } from 'vitest';
import { floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 20, 12, 0, 30);
const AT = floorTo(NOW, MINUTE_MS);
const MINUTES = 40 * 60;

// Counts every snapshot that is written, for whatever role writes it.
await database.query('CREATE SEQUENCE written');
await database.query(
  `CREATE FUNCTION count_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
   $$ BEGIN PERFORM nextval('public.written'); RETURN NULL; END $$`,
);
await database.query(
  `CREATE TRIGGER count_written AFTER INSERT OR UPDATE ON np_slo_snapshots
   FOR EACH ROW EXECUTE FUNCTION count_written()`,
);

async function written(work: () => Promise<unknown>): Promise<number> {
  const read = async () =>
    Number((await database.query<{ n: string }>("SELECT nextval('written') AS n"))[0]?.n);
  const before = await read();
  await work();
  return (await read()) - before - 1;
}

let accounts = 0;

/** An SLO with one minute of data, and its snapshots of all the hours since then. */
async function silent() {
  accounts += 1;
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, `account-${accounts}`);
  const { id } = await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
  const point = (back: number) => ({ at: new Date(AT - back * MINUTE_MS).toISOString(), good: 9, total: 10 });
  await recordMeasurements({ ctx, input: { id, body: { points: [point(MINUTES)] } } });
  const stream = (backs: readonly number[], chunkLines: number) => {
    const lines = backs.map((back) => `${JSON.stringify({ slo: id, ...point(back) })}\n`);
    const body = new Blob([lines.join('')]).stream();
    return recordStream({ ctx, input: { body }, limits: { chunkLines } });
  };
  const standing = async () => {
    const [row] = await database.query<{ n: number; last: Date }>(
      'SELECT count(*)::int AS n, max(at) AS last FROM np_slo_snapshots WHERE slo_id = $1 AND state IS NOT NULL',
      [id],
    );
    return { rows: row?.n, last: row?.last.getTime() };
  };
  return { stream, standing };
}

const backs = (from: number, to: number): number[] => Array.from({ length: from - to }, (_, i) => from - i);

test('a stream that fills up a silence writes each of its snapshots about once, in however many chunks', async () => {
  const { stream, standing } = await silent();
  expect(await standing()).toEqual({ rows: MINUTES, last: AT });
  // 24 chunks. To write what is behind each of them anew took 24 * 2,400 / 2 rows more.
  expect(await written(() => stream(backs(MINUTES, 0), 100))).toBeLessThan(MINUTES + 100);
  expect(await standing()).toEqual({ rows: MINUTES, last: AT });
});

test('a stream that goes on but a little way leaves the snapshots behind it as many as they were', async () => {
  const { stream, standing } = await silent();
  // Three chunks of a hundred, and all rows behind them once.
  expect(await written(() => stream(backs(MINUTES, MINUTES - 300), 100))).toBeLessThan(MINUTES + 100);
  expect(await standing()).toEqual({ rows: MINUTES, last: AT });
});
