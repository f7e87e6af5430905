import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { splitSpan } from '../../src/services/moved-span.ts';
import { spanOfChange } from '../../src/services/series-plan.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0);
const ctx = actingAs(createTestEnvironment(database, NOW), 'primary');

let slos = 0;

/** How the rows are split after a change of those minutes of a new SLO, whose last row is that of `NOW`. */
async function splitAfter(definition: object, minutes: readonly number[]) {
  slos += 1;
  const slo = await createSlo({ ctx, input: { name: `slo-${slos}`, target: 0.99, ...definition } });
  const [first = Number.NaN, last = first] = minutes;
  const span = spanOfChange(slo, 'default', first + MINUTE_MS, last + MINUTE_MS, NOW);
  const changes = minutes.map((minuteMs) => ({ minuteMs, good: 1, bad: null, total: 2, value: null }));
  const key = { accountId: slo.accountId, sloId: slo.id, objective: 'default' };
  return splitSpan({ slo, objective: 'default', key, span, lastRowMs: NOW, changes });
}

test('of a minute a week ago the rest of its day is computed, and the six days since are moved', async () => {
  const split = await splitAfter({}, [NOW - 7 * DAY_MS]);
  // 12:01 to 00:00 has the look-back of 6 h in it; tickets look back 3 d.
  const midnight = NOW - 7 * DAY_MS + 12 * HOUR_MS;
  expect(split?.near).toEqual({ fromMs: NOW - 7 * DAY_MS + MINUTE_MS, untilMs: midnight });
  expect(split?.moved).toMatchObject({
    fromMs: midnight + MINUTE_MS,
    untilMs: NOW,
    judgedUntilMs: NOW - 4 * DAY_MS + MINUTE_MS,
    deep: [{ condition: { longMs: DAY_MS } }, { condition: { longMs: 3 * DAY_MS } }],
  });
});

test('late in the day the look-back of 6 h reaches into the next one', async () => {
  const at = NOW - 7 * DAY_MS + 11 * HOUR_MS;
  expect((await splitAfter({}, [at]))?.near.untilMs).toBe(at + MINUTE_MS + 6 * HOUR_MS);
});

test('rows are moved as long as their window holds the first of the minutes', async () => {
  const first = NOW - 10 * DAY_MS;
  const weekly = { time_window: { type: 'rolling', duration: '7d' } };
  expect((await splitAfter(weekly, [first, first + HOUR_MS]))?.moved.untilMs).toBe(first + 7 * DAY_MS);
  const calendar = { time_window: { type: 'calendar', unit: 'week', time_zone: 'UTC' } };
  // 2026-11-09 and 2026-11-16 are Mondays.
  expect((await splitAfter(calendar, [Date.UTC(2026, 10, 10, 3)]))?.moved.untilMs).toBe(
    Date.UTC(2026, 10, 16) - MINUTE_MS,
  );
});

test.each([
  ['the change is of today', {}, NOW - 5 * HOUR_MS],
  ['slices are counted', { budgeting_method: 'timeslices' }, NOW - 7 * DAY_MS],
  [
    'an alert depends on the budget',
    { alert_policy: { conditions: [{ type: 'budget', severity: 'ticket', below: 0.1 }] } },
    NOW - 7 * DAY_MS,
  ],
])('every row is computed where %s', async (_, definition, minuteMs) => {
  const slices = 'budgeting_method' in definition ? { time_slice_target: 0.9 } : {};
  const objectives = [{ name: 'default', target: 0.99, ...slices }];
  expect(await splitAfter({ ...definition, target: undefined, objectives }, [minuteMs])).toBeNull();
});
