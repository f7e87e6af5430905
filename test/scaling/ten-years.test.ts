import Big from 'big.js';
import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { exactDecimal } from '../../src/lib/exact-decimal.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const DAY = Date.UTC(2026, 10, 17);
/** Two hours around midnight, so that the window of an hour also spans two days' bases. */
const FIRST = DAY + 23 * HOUR_MS;
const MINUTES = 120;
const TEN_YEARS_OF_MINUTES = 3653 * 24 * 60;

/** Repeatable numbers in [0, 1). */
function* randoms(): Generator<number, never> {
  for (let state = 12345; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}
const random = randoms();
const draw = (): number => random.next().value;

const kinds: readonly (readonly [string, () => { good: number; total: number }])[] = [
  ['as large as ever', () => ({ good: 999_999_999_000 + Math.floor(draw() * 1000), total: 1e12 })],
  ['large with fractions', () => ({ good: 1e12 * draw(), total: 1e12 + draw() })],
  ['a few, whole', () => ({ good: Math.floor(draw() * 4), total: 4 + Math.floor(draw() * 4) })],
  ['a few, with fractions', () => ({ good: draw() / 3, total: 0.4 + draw() })],
  ['tiny', () => ({ good: 1e-6 * draw(), total: 1e-6 + 1e-6 * draw() })],
];

test.each(kinds)(
  'after ten years of 1e12 a minute, the sums of an hour are exact to 1e-9: %s',
  async (_, count) => {
    const env = createTestEnvironment(database, DAY + 30_000);
    const ctx = actingAs(env, `account-${draw()}`.replace('.', ''));
    const slo = await createSlo({
      ctx,
      input: { name: 'api', target: 0.9, time_window: { type: 'rolling', duration: '1h' } },
    });
    // The first row of the day as ten years leave it: 5.3e18, where a double is a multiple of 1,024.
    const total = new Big(1e12).times(TEN_YEARS_OF_MINUTES);
    await env.partitions.ensure(DAY, DAY);
    await database.query(
      `INSERT INTO np_slo_snapshots (source_account_id, slo_id, objective, at, run_good, run_total, base_good, base_total)
     VALUES ($1, $2, 'default', $3, 0, 0, $4, $5)`,
      [
        slo.accountId,
        slo.id,
        new Date(DAY),
        total.times('0.999').plus('0.125').toFixed(),
        total.plus('0.1').toFixed(),
      ],
    );
    await database.query(
      'UPDATE np_slos SET last_data_at = $3, snapshots_until = $4 WHERE source_account_id = $1 AND id = $2',
      [slo.accountId, slo.id, new Date(DAY - MINUTE_MS), new Date(DAY)],
    );
    env.clock.set(FIRST + (MINUTES + 5) * MINUTE_MS);
    const points = Array.from({ length: MINUTES }, (_, i) => ({ atMs: FIRST + i * MINUTE_MS, ...count() }));
    const record = (some: typeof points) =>
      recordMeasurements({
        ctx,
        input: {
          id: slo.id,
          body: {
            points: some.map(({ atMs, good, total }) => ({ at: new Date(atMs).toISOString(), good, total })),
          },
        },
      });
    // Late ones after the others, and the first of all last.
    await record(points.filter((_, i) => i % 3 === 1));
    await record(points.filter((_, i) => i % 3 === 2));
    await record(points.filter((_, i) => i % 3 === 0).toReversed());

    for (let i = 10; i <= MINUTES + 5; i += 5) {
      const atMs = FIRST + i * MINUTE_MS;
      const status = (await readStatuses({ ctx, input: { slos: [slo], atMs } })).get(slo.id)?.objectives[0];
      const inWindow = points.filter((point) => point.atMs >= atMs - HOUR_MS && point.atMs < atMs);
      const exact = (pick: (point: (typeof points)[number]) => number): Big =>
        inWindow.reduce((sum, point) => sum.plus(exactDecimal(pick(point))), new Big(0));
      for (const [actual, expected] of [
        [status?.countGood, exact(({ good }) => good)],
        [status?.countTotal, exact(({ total }) => total)],
      ] as const) {
        const error = new Big(actual ?? Number.MAX_VALUE).minus(expected).abs();
        expect(error.div(expected).toNumber(), new Date(atMs).toISOString()).toBeLessThanOrEqual(1e-9);
      }
    }
    // And all that was counted before is still in the next day's base, to the last digit.
    const [next] = await database.query<{ base_total: string }>(
      'SELECT base_total::text FROM np_slo_snapshots WHERE source_account_id = $1 AND slo_id = $2 AND at = $3',
      [slo.accountId, slo.id, new Date(DAY + 24 * HOUR_MS)],
    );
    const firstHour = points
      .filter(({ atMs }) => atMs < DAY + 24 * HOUR_MS)
      .reduce((sum, point) => sum.plus(exactDecimal(point.total)), new Big(0));
    const counted = new Big(next?.base_total ?? '0').minus(total).minus('0.1');
    expect(counted.minus(firstHour).abs().div(firstHour).toNumber()).toBeLessThanOrEqual(1e-12);
  },
);
