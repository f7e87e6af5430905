import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { SeriesKey } from '../../src/storage/series-columns.ts';
import { loadTotals, type SeriesTotals, type TotalsRequest } from '../../src/storage/series-totals.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const DAY = Date.UTC(2026, 10, 18);
const NOW = DAY + 2 * HOUR_MS;
const SLOS = 40;

const ctx = actingAs(createTestEnvironment(database, NOW), 'whole');

/** Two objectives each, whose points a threshold judges apart; one in five without data, one in three with gaps. */
async function createSeries(): Promise<SeriesKey[]> {
  const keys: SeriesKey[] = [];
  for (let n = 0; n < SLOS; n += 1) {
    const fractions = n % 2 === 0;
    const slo = await createSlo({
      ctx,
      input: fractions
        ? { name: `slo-${n}`, target: 0.9 }
        : {
            name: `slo-${n}`,
            sli: { type: 'threshold' },
            objectives: [
              { name: 'fast', target: 0.9, op: 'lt', value: 0.5 },
              { name: 'usable', target: 0.99, op: 'lt', value: 0.8 },
            ],
          },
    });
    for (const { name } of slo.objectives) keys.push({ accountId: 'whole', sloId: slo.id, objective: name });
    if (n % 5 === 4) continue;
    const points: object[] = [];
    for (let minute = -90; minute < 60; minute += 1) {
      if (n % 3 === 0 && (minute * 7 + n) % 4 === 0) continue;
      const at = new Date(DAY + minute * MINUTE_MS).toISOString();
      points.push(
        fractions
          ? { at, good: 0.1 * (minute + 91) + n, total: 0.3 * (minute + 91) + n }
          : { at, value: (((minute + 97) * 31 * (n + 1)) % 100) / 100 },
      );
    }
    await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
  }
  return keys;
}

const keys = await createSeries();
const minute = (n: number): number => DAY + n * MINUTE_MS;

/** Each request answered for itself, by look-ups of its own. */
async function oneByOne(requests: readonly TotalsRequest[]) {
  return ctx.db.tenant('whole', async (tx) => {
    const answers: SeriesTotals[] = [];
    for (const request of requests) answers.push(...(await loadTotals(tx, [request])));
    return answers;
  });
}

/** All in one loading, and the names of the statements that it took. */
async function together(requests: readonly TotalsRequest[]) {
  return ctx.db.tenant('whole', async (tx) => {
    let answers: SeriesTotals[] = [];
    const statements = await statementsOf(async () => {
      answers = await loadTotals(tx, requests);
    });
    return { answers, names: statements.map(({ name }) => name) };
  });
}

test('instants read whole give each series what its own look-ups give', async () => {
  const instantsOf = fc.uniqueArray(fc.integer({ min: -100, max: 110 }), { minLength: 2, maxLength: 8 });
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  await fc.assert(
    fc.asyncProperty(
      instantsOf,
      instantsOf,
      fc.shuffledSubarray(keys, { minLength: 16 }),
      async (some, others, wanted) => {
        const requests = wanted.map((key, i) => ({
          key,
          // As of SLOs with other windows.
          instants: (i % 7 === 0 ? [...new Set([...some, ...others])] : some)
            .map(minute)
            .toSorted((a, b) => a - b),
          minutes: null,
        }));
        const { answers, names } = await together(requests);
        const most = new Set(wanted.map(({ sloId }) => sloId)).size * 2 >= SLOS;
        expect(names).toContain(most ? 'totals-at-instants' : 'totals-of-some-at-instants');
        const expected = await oneByOne(requests);
        requests.forEach(({ instants }, i) => {
          for (const to of instants) {
            expect(answers[i]?.totals.dataAt(to)).toBe(expected[i]?.totals.dataAt(to));
            for (const from of instants) {
              if (from > to) continue;
              expect(answers[i]?.totals.between(from, to)).toEqual(expected[i]?.totals.between(from, to));
            }
          }
        });
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 12), seed },
  );
});

test('where the rows stand, nothing is searched for', async () => {
  const full = await database.query<{ slo_id: string; objective: string }>(
    `SELECT slo_id::text, objective FROM np_slo_snapshots WHERE source_account_id = 'whole' AND at = ANY ($1)
     GROUP BY 1, 2 HAVING count(*) = 2`,
    [[new Date(minute(-30)), new Date(minute(59))]],
  );
  expect(full.length).toBeGreaterThanOrEqual(32);
  const { names } = await together(
    full.map(({ slo_id: sloId, objective }) => ({
      key: { accountId: 'whole', sloId, objective },
      instants: [minute(-30), minute(59)],
      minutes: null,
    })),
  );
  expect(names).toEqual(['count-slos', 'totals-at-instants']);
});

test('a series that is asked for twice is answered twice', async () => {
  const requests = [...keys, ...keys].map((key, i) => ({
    key,
    instants: i < keys.length ? [minute(-30), minute(30)] : [minute(-30), minute(59)],
    minutes: null,
  }));
  const { answers } = await together(requests);
  const expected = await oneByOne(requests);
  requests.forEach(({ instants: [from = 0, to = 0] }, i) => {
    expect(answers[i]?.totals.between(from, to)).toEqual(expected[i]?.totals.between(from, to));
  });
  const moving = answers.filter(({ totals }) => totals.between(minute(-30), minute(30)).total > 0);
  // 32 of 40 SLOs have data, half of them in two objectives.
  expect(moving.length).toBeGreaterThanOrEqual(32);
});

test('where an account has no row at any of the instants, there is nothing', async () => {
  const requests = keys.map((key) => ({
    key,
    instants: [DAY - 9 * DAY_MS, DAY - 8 * DAY_MS],
    minutes: null,
  }));
  const { answers } = await together(requests);
  for (const { totals } of answers) {
    expect(totals.between(DAY - 9 * DAY_MS, DAY - 8 * DAY_MS)).toEqual({ good: 0, total: 0 });
  }
});
