import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { createTestDatabase } from '../support/database.ts';
import { createPulling, writtenOf } from './pulling.ts';

const database = await createTestDatabase();
const START = Date.UTC(2026, 10, 17, 20, 0, 10);
const END = START + 9 * 60 * MINUTE_MS;
const tables = {
  events: {
    table: 'events',
    columns: { time: 'at', status: { column: 'status', good: ['ok'] } },
    accounts: ['primary'],
  },
};
await database.query('CREATE TABLE events (at timestamptz, status text)');
// Three events a minute, 20 s apart, every seventh bad, up to a day after the start; none in every ninth minute.
await database.query(
  `INSERT INTO events SELECT at, CASE WHEN n % 7 = 0 THEN 'bad' ELSE 'ok' END
   FROM (SELECT $1::timestamptz + n * interval '20 seconds' AS at, n FROM generate_series(-300, 4000) AS n) e
   WHERE n / 3 % 9 <> 0`,
  [new Date(START - 10_000)],
);

/** How a transaction goes: as it should, never begun, undone at its end, or done without anybody hearing of it. */
type Fate = 'fine' | 'refused' | 'undone' | 'unheard';
const fates = fc.array(fc.constantFrom<Fate>('fine', 'fine', 'refused', 'undone', 'unheard'), {
  minLength: 5,
  maxLength: 40,
});
const steps = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 });
let number = 0;

async function history(advances: readonly number[], fate: readonly Fate[]): Promise<unknown> {
  let i = 0;
  const owner: typeof database.db.owner = async (work) => {
    const next = fate[i] ?? 'fine';
    i += 1;
    if (next === 'refused') throw new Error('away');
    const done = await database.db.owner(async (tx) => {
      const result = await work(tx);
      if (next === 'undone') throw new Error('undone');
      return result;
    });
    if (next === 'unheard') throw new Error('unheard');
    return done;
  };
  const faulty = createPulling({ ...database, db: { ...database.db, owner } }, START, {
    prometheus: {},
    tables,
  });
  number += 1;
  const id = await faulty.create(`slo-${number}`, { type: 'table', source: 'events' });
  const tolerant = (): Promise<unknown> => faulty.settle().catch(() => undefined);
  await tolerant();
  for (const minutes of advances) {
    faulty.env.clock.set(Math.min(END, faulty.env.clock.now() + minutes * MINUTE_MS));
    await tolerant();
  }
  // From here on all is well again.
  i = fate.length;
  faulty.env.clock.set(END);
  await faulty.settle();
  // Past the longest wait after a failure.
  faulty.env.clock.advance(6 * MINUTE_MS);
  await faulty.settle();
  await evaluate({ ...faulty.env, db: database.db });
  const written = await writtenOf(database, id);
  await database.query('DELETE FROM np_slo_snapshots WHERE slo_id = $1', [id]);
  await database.query('DELETE FROM np_slos WHERE id = $1', [id]);
  return written;
}

test('a reading that was interrupted anywhere and resumed equals one that was not', async () => {
  const undisturbed = await history([], []);
  expect(JSON.stringify(undisturbed)).toContain('"used_total":3');
  await fc.assert(
    fc.asyncProperty(steps, fates, async (advances, fate) => {
      expect(await history(advances, fate)).toEqual(undisturbed);
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 8), endOnFailure: true },
  );
}, 180_000);
