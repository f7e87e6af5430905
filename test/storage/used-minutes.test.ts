import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { inOne } from '../../src/storage/in-pieces.ts';
import { type UsedMinutes, type UsedRange, walkUsedMinutes } from '../../src/storage/used-minutes.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';

/** Over midnight, since a stretch is looked up by its days. */
const START = Date.parse('2026-03-02T23:30:00Z');
const MINUTES = 60;
const SLOS = 24;

const database = await createTestDatabase();
const env = createTestEnvironment(database, START + MINUTES * MINUTE_MS + 30_000);

/** Of SLO `n` every minute but each `n + 2`nd has data. */
const hasData = (n: number, m: number): boolean => m % (n + 2) !== 0;
/** Each eleventh minute has no events. */
const totalOf = (m: number): number => (m % 11 === 5 ? 0 : 30);
const goodOf = (n: number, m: number): number => Math.min(totalOf(m), (7 * n + 13 * m) % 31);

async function createFleet(): Promise<string[]> {
  const ctx = actingAs(env, 'fleet');
  const ids: string[] = [];
  const points: string[] = [];
  for (let n = 0; n < SLOS; n += 1) {
    const { id } = await createSlo({ ctx, input: { name: `slo-${n}`, target: 0.9 } });
    ids.push(id);
    for (let m = 0; m < MINUTES; m += 1) {
      const at = new Date(START + m * MINUTE_MS).toISOString();
      if (hasData(n, m)) {
        points.push(JSON.stringify({ slo: id, at, good: goodOf(n, m), total: totalOf(m) }));
      }
    }
  }
  await recordStream({ ctx, input: { body: new Blob([points.join('\n')]).stream() } });
  return ids;
}
const ids = await createFleet();

/** A row stands at the end of its minute, hence the first one a minute after START. */
const range = (n: number, from: number, to: number, tellBelow = 1): UsedRange => ({
  key: { accountId: 'fleet', sloId: ids[n] ?? '', objective: 'default' },
  fromMs: START + (from + 1) * MINUTE_MS,
  toMs: START + to * MINUTE_MS,
  tellBelow,
});

const some = fc.record({
  n: fc.nat(SLOS - 1),
  from: fc.integer({ min: -5, max: MINUTES }),
  length: fc.nat(MINUTES),
  tellBelow: fc.constantFrom(0, 1 / 3, 0.5, 0.999, Number.POSITIVE_INFINITY),
});
/** The same for many SLOs, as periods that close together are; these are read whole. */
const alike = some.map((one) => Array.from({ length: SLOS - 4 }, (_, n) => ({ ...one, n })));

test('each range is told its own low minutes, ascending and once, and how many there are, whatever is shared', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(some, { maxLength: 6 }),
      fc.array(alike, { maxLength: 3 }),
      async (few, many) => {
        const asked = [...few, ...many.flat()];
        const told = asked.map((): [minute: number, good: number, total: number][] => []);
        const counted = asked.map(() => 0);
        await env.db.owner((tx) =>
          walkUsedMinutes(
            inOne(tx),
            asked.map(({ n, from, length, tellBelow }) => range(n, from, from + length, tellBelow)),
            {
              counted(i, minutes) {
                counted[i] = (counted[i] ?? 0) + minutes;
              },
              told: (i, at, good, total) => told[i]?.push([(at - START) / MINUTE_MS - 1, good, total]),
            },
          ),
        );
        asked.forEach(({ n, from, length, tellBelow }, i) => {
          const own = Array.from({ length }, (_, k) => from + k).filter(
            (m) => m >= 0 && m < MINUTES && hasData(n, m) && totalOf(m) > 0,
          );
          expect(counted[i]).toBe(own.length);
          const isLow = (m: number): boolean => goodOf(n, m) < totalOf(m) * tellBelow;
          // What another range of the series has to be told comes along.
          const low = told[i]?.filter(([m]) => isLow(m));
          expect(low).toEqual(own.filter(isLow).map((m) => [m, goodOf(n, m), totalOf(m)]));
          expect(told[i]).toEqual(
            own
              .filter((m) => told[i]?.some(([minute]) => minute === m))
              .map((m) => [m, goodOf(n, m), totalOf(m)]),
          );
        });
      },
    ),
    propertyRuns(25),
  );
});

const NOBODY: UsedMinutes = { counted: () => undefined, told: () => undefined };

test('what many series have in common is one statement, not one for each series or period', async () => {
  const names: (string | undefined)[] = [];
  await env.db.owner(async (tx) => {
    const client = new Proxy(tx.client, {
      get(target, property, receiver) {
        if (property !== 'query') return Reflect.get(target, property, receiver);
        return (query: { name?: string }) => {
          names.push(query.name);
          return Reflect.apply(target.query, target, [query]);
        };
      },
    });
    // A day and the last hour of it close together for each of 24 SLOs.
    const ranges = ids.flatMap((_, n) => [range(n, 0, 50), range(n, 30, 50)]);
    await walkUsedMinutes(inOne({ ...tx, client }), ranges, NOBODY);
  });
  expect(names).toEqual(['count-slos', 'used-minutes-whole', 'used-minutes-whole']);
});
