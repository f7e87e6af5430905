import { beforeAll, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { findSlos } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { Slo } from '../../src/slo/definition.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 2);
const MINUTES = 9 * 60;
/** Past where it is worth reading at first what all statuses ask for, and then the rest for those that do. */
const MANY = 120;

/** Bad events of a hundred, by the minutes before now. */
const HISTORIES: Readonly<Record<string, (back: number) => number>> = {
  'all is well': () => 0,
  'the last ten minutes are bad': (back) => (back <= 10 ? 100 : 0),
  'it was bad half an hour ago': (back) => (back > 20 && back <= 50 ? 100 : 0),
  'hours are bad, and the last minutes good': (back) => (back > 35 ? 20 : 0),
  'bad all along': () => 100,
  'nothing came in for an hour': (back) => (back <= 60 ? Number.NaN : back % 7),
};
const DEFINITIONS: Readonly<Record<string, object>> = {
  days: { target: 0.9, time_window: { type: 'rolling', duration: '28d' } },
  hours: { target: 0.9, time_window: { type: 'rolling', duration: '2h' } },
  month: { target: 0.9, time_window: { type: 'calendar', unit: 'month' } },
  slices: {
    budgeting_method: 'timeslices',
    time_slice_window: '15m',
    objectives: [{ name: 'slices', target: 0.9, time_slice_target: 0.95 }],
    time_window: { type: 'rolling', duration: '7d' },
  },
  own: {
    target: 0.9,
    alert_policy: {
      conditions: [
        { type: 'burn_rate', severity: 'page', long_window: '2h', short_window: '10m', factor: 1.5 },
      ],
    },
  },
};

let ctx: ServiceContext;
let slos: readonly Slo[];
beforeAll(async () => {
  ctx = actingAs(createTestEnvironment(database, NOW), 'many');
  const ids: string[] = [];
  for (const [kind, definition] of Object.entries(DEFINITIONS)) {
    for (const [n, bad] of Object.values(HISTORIES).entries()) {
      const slo = await createSlo({ ctx, input: { name: `${kind}-${n}`, ...definition } });
      const points = Array.from({ length: MINUTES }, (_, i) => MINUTES - i).flatMap((back) =>
        Number.isNaN(bad(back))
          ? []
          : [{ at: new Date(NOW - back * MINUTE_MS).toISOString(), good: 100 - bad(back), total: 100 }],
      );
      await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
      ids.push(slo.id);
    }
  }
  slos = (await findSlos({ ctx, input: { ids } })).filter((slo) => slo !== null);
});

test.each([
  ['now', 0],
  ['a minute ago', MINUTE_MS],
  ['a quarter of an hour ago', 15 * MINUTE_MS],
  ['while half an hour was bad', 40 * MINUTE_MS],
  ['hours ago', 5 * HOUR_MS],
  ['as windows began on the day of the first point, before it', 8 * HOUR_MS],
  ['before the first point', 20 * HOUR_MS],
])('the statuses of many SLOs are those of each alone: %s', async (_when, back) => {
  const atMs = NOW - back;
  const alone = new Map<string, unknown>();
  for (const slo of slos) {
    const status = (await readStatuses({ ctx, input: { slos: [slo], atMs } })).get(slo.id);
    alone.set(slo.id, status);
  }
  // Each SLO several times, each time as an object of its own, so that there are many.
  const times = Math.ceil(MANY / slos.length);
  const copies = Array.from({ length: times }, (_, n) =>
    slos.map((slo) => ({ ...slo, id: slo.id, n })),
  ).flat();
  expect(copies.length).toBeGreaterThanOrEqual(MANY);
  const found = await readStatuses({ ctx, input: { slos: copies, atMs } });
  for (const slo of slos) {
    const one = found.get(slo.id);
    // What was asked for several times is answered as often.
    expect(one?.objectives).toHaveLength(times);
    expect({ ...one, objectives: one?.objectives.slice(0, 1) }).toEqual(alone.get(slo.id));
    expect(new Set(one?.objectives.map((objective) => JSON.stringify(objective))).size).toBe(1);
  }
  if (back === 0) {
    // Both ways of deciding are in there: some are at risk by their burn alone, most are not.
    const states = slos.map((slo) => found.get(slo.id)?.state);
    for (const state of ['healthy', 'at_risk', 'exhausted']) expect(states).toContain(state);
    const burning = slos.flatMap(
      (slo) =>
        found
          .get(slo.id)
          ?.objectives.filter(({ state, budget }) => state === 'at_risk' && (budget ?? 0) >= 0.25) ?? [],
    );
    expect(burning.length).toBeGreaterThan(0);
  }
});

test.each([
  // The first points came in at 03:00. Two hours begin at 02:00, six at 22:00 the day before.
  ['after', 8 * HOUR_MS],
  ['before', 10 * HOUR_MS],
])('statuses %s the first point, on its day, are read without a search', async (_when, back) => {
  const atMs = NOW - back;
  const statements = await statementsOf(() => readStatuses({ ctx, input: { slos, atMs } }));
  const names = statements.flatMap(({ name }) => name ?? []);
  expect(names.filter((name) => /^totals-/.test(name))).not.toEqual([]);
  const searches = ['load-first-rows', 'load-runs', 'last-data-of'];
  expect(names.filter((name) => searches.includes(name))).toEqual([]);
});
