import fc from 'fast-check';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { BruteNode, BruteSlo } from './brute-composition.ts';

/** Minutes in which points may come in, and minutes of the whole history. */
const DATA_MINUTES = 110;
export const MINUTES = 140;
const DAY = 1440;

/** A calendar window, and the minutes of the history at which its periods begin, worked out by hand. */
interface Calendar {
  readonly window: {
    readonly unit: string;
    readonly count?: number;
    readonly time_zone?: string;
    readonly start?: string;
  };
  readonly periods: readonly number[];
}

/** Where in time a history lies. */
export interface Place {
  /** Minute 0. */
  readonly startMs: number;
  readonly calendars: readonly Calendar[];
}

/** In full, since a change is merged into what was. */
const PLAIN_DAYS = { unit: 'day', count: 1, time_zone: 'UTC', start: '2024-01-01T00:00:00' };
const BERLIN = 'Europe/Berlin';
const HALF_PAST_TWO = { unit: 'day', time_zone: BERLIN, start: '2024-01-01T02:30:00' };

const PLACES: readonly Place[] = [
  {
    // Around a midnight of UTC, on a Monday.
    startMs: Date.UTC(2026, 10, 9, 23),
    calendars: [
      { window: { unit: 'day' }, periods: [60 - DAY, 60, 60 + DAY] },
      // Within slices of 4, 5 and 20 minutes.
      { window: { unit: 'day', start: '2024-01-01T23:17:00' }, periods: [17 - DAY, 17, 17 + DAY] },
      { window: { unit: 'week' }, periods: [60 - DAY, 60 + 6 * DAY] },
    ],
  },
  {
    // At 03:00 the clock goes back to 02:00: 02:30 occurs at 00:30 and at 01:30 UTC, and the first one counts.
    startMs: Date.UTC(2026, 9, 25),
    calendars: [
      { window: HALF_PAST_TWO, periods: [30 - DAY, 30, 30 + DAY + 60] },
      { window: { unit: 'day', time_zone: BERLIN }, periods: [-120, -120 + DAY + 60] },
      // 02:53 is 00:53 UTC on the day of the change and 01:53 on the next.
      { window: { ...HALF_PAST_TWO, start: '2024-01-01T02:53:00' }, periods: [53 - DAY, 53, 53 + DAY + 60] },
    ],
  },
  {
    // At 02:00, 01:00 UTC, the clock goes forward to 03:00: 02:30 becomes 03:30, 01:30 UTC.
    startMs: Date.UTC(2026, 2, 29, 1),
    calendars: [
      { window: HALF_PAST_TWO, periods: [30 - DAY, 30, 30 + DAY - 60] },
      { window: { unit: 'day', time_zone: BERLIN }, periods: [-120, -120 + DAY - 60] },
      // 03:13 is 02:13 UTC on the day before, 01:13 since.
      {
        window: { unit: 'day', time_zone: BERLIN, start: '2024-01-01T03:13:00' },
        periods: [73 - DAY, 13, 13 + DAY],
      },
    ],
  },
  {
    // In New York the clock goes back at 06:00 UTC: 01:23 occurs at 05:23 and 06:23.
    startMs: Date.UTC(2026, 10, 1, 5),
    calendars: [
      {
        window: { unit: 'month', time_zone: 'America/New_York', start: '2024-01-01T01:23:00' },
        periods: [23 - 31 * DAY, 23, 23 + 30 * DAY + 60],
      },
      { window: { unit: 'day', time_zone: 'America/New_York' }, periods: [-60, -60 + DAY + 60] },
    ],
  },
  {
    // Days of Kathmandu begin at 18:15 UTC. The 10th of November 2026 is 1044 days, an even number, after 2024 began.
    startMs: Date.UTC(2026, 10, 9, 17),
    calendars: [
      { window: { unit: 'day', time_zone: 'Asia/Kathmandu' }, periods: [75 - DAY, 75, 75 + DAY] },
      {
        window: { unit: 'day', count: 2, time_zone: 'Asia/Kathmandu' },
        periods: [75 - 2 * DAY, 75, 75 + 2 * DAY],
      },
    ],
  },
];

const adjustments = fc.option(
  fc.record({ start: fc.nat(DATA_MINUTES), minutes: fc.integer({ min: 1, max: 20 }) }),
  { freq: 1 },
);
const terms = fc.record({
  sliceTarget: fc.constantFrom(0.5, 0.75, 1),
  target: fc.constantFrom(0.5, 0.9),
  /** Minutes, or one of the place's calendars. */
  window: fc.oneof(fc.constantFrom(20, 60), fc.record({ calendar: fc.nat(2) })),
});
const budgets = fc.record({
  method: fc.constantFrom('occurrences' as const, 'timeslices' as const),
  slice: fc.constantFrom(1, 4, 5, 20),
  terms,
  changed: fc.option(terms),
  adjusted: adjustments,
});
const leaves = fc.record({
  budget: budgets,
  runs: fc.array(
    fc.record({
      length: fc.integer({ min: 1, max: 30 }),
      data: fc.boolean(),
      good: fc.nat(3),
      bad: fc.nat(2),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});
const weights = fc.constantFrom(1, 2, 0.5, 3);
const delayed = fc.constantFrom('count_as_good' as const, 'count_as_bad' as const, 'ignore' as const);
const rules = fc.record({
  links: fc.array(fc.record({ weight: weights, whenDelayed: delayed }), { minLength: 3, maxLength: 3 }),
  /** Which of the three may enter; at least one does. */
  entering: fc.integer({ min: 1, max: 7 }),
  maxDelay: fc.integer({ min: 1, max: 12 }),
  byBudget: fc.boolean(),
});
const nodes = fc.record({ budget: budgets, rule: rules, changed: fc.option(rules) });
/** Three leaves, a composite of them, and one above it, some of them changed on the way. */
export const histories = fc.record({
  place: fc.constantFrom(...PLACES),
  leaves: fc.array(leaves, { minLength: 3, maxLength: 3 }),
  /** Of two of the leaves and the third one. */
  inner: nodes,
  /** Of the inner composite and two leaves. */
  outer: nodes,
  changeAt: fc.integer({ min: 5, max: DATA_MINUTES }),
  /** Whether all data comes at the end, or as time goes on. */
  live: fc.boolean(),
  backwards: fc.boolean(),
});
export type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;
type Budget = History['inner']['budget'];
type Terms = Budget['terms'];
type Rule = History['inner']['rule'];

const calendarOf = ({ calendars }: Place, index: number): Calendar => {
  const calendar = calendars[index % calendars.length];
  if (calendar === undefined) throw new Error('no calendars');
  return calendar;
};

export const LEVELS = ['inner', 'outer'] as const;
const PARTS = { inner: ['c0', 'c1', 'c2'], outer: ['inner', 'c2', 'c0'] } as const;
export type Level = (typeof LEVELS)[number];
const linksOf = (level: Level, { links, entering }: Rule) =>
  PARTS[level].flatMap((name, i) => {
    const link = links[i];
    return link !== undefined && (entering >> i) % 2 === 1 ? [{ name, ...link }] : [];
  });

function bruteBudget({ place, changeAt }: History, { adjusted, changed, method, slice, ...budget }: Budget) {
  const inForce = ({ window, ...rest }: Terms, from: number) => ({
    ...rest,
    from,
    window: typeof window === 'number' ? window : calendarOf(place, window.calendar).periods,
  });
  return {
    method,
    slice: method === 'timeslices' ? slice : 1,
    terms: [inForce(budget.terms, 0), ...(changed === null ? [] : [inForce(changed, changeAt + 1)])],
    isAdjusted: (m: number) =>
      adjusted !== null && m >= adjusted.start && m < adjusted.start + adjusted.minutes,
  };
}

/** Changes are made within minute `changeAt`, and apply to the minutes and the statuses after it. */
function bruteNode(level: Level, history: History): BruteNode {
  const { budget, rule, changed } = history[level];
  const inForce = (one: Rule, from: number) => ({
    from,
    links: linksOf(level, one),
    maxDelay: one.maxDelay,
    byBudget: one.byBudget,
  });
  return {
    kind: 'composite',
    ...bruteBudget(history, budget),
    rules: [inForce(rule, 0), ...(changed === null ? [] : [inForce(changed, history.changeAt + 1)])],
  };
}

/** An SLO without data never was what it was before its change. */
export function changedAtOnce<T extends BruteSlo>(slo: T): T {
  const last = <U>(list: readonly U[]): readonly U[] => list.slice(-1);
  return { ...slo, terms: last(slo.terms), ...(slo.kind === 'composite' ? { rules: last(slo.rules) } : {}) };
}

function pointsOf({ runs }: History['leaves'][number]) {
  const points = new Map<number, { good: number; total: number }>();
  let m = 0;
  for (const { length, data, good, bad } of runs) {
    for (let i = 0; i < length && m < DATA_MINUTES; i += 1, m += 1) {
      if (data) points.set(m, { good, total: good + bad });
    }
  }
  return points;
}

const sliOf = (level: Level, rule: Rule) => ({
  max_delay: `${rule.maxDelay}m`,
  aggregation: rule.byBudget ? 'error_budget_state' : 'reliability',
  components: linksOf(level, rule).map(({ name, weight, whenDelayed }) => ({
    slo: name,
    weight,
    when_delayed: whenDelayed,
  })),
});

const termsOf = (place: Place, { method }: Budget, { window, target, sliceTarget }: Terms) => ({
  objectives: [
    { name: 'default', target, ...(method === 'timeslices' ? { time_slice_target: sliceTarget } : {}) },
  ],
  time_window:
    typeof window === 'number'
      ? { type: 'rolling', duration: `${window}m` }
      : { type: 'calendar', ...PLAIN_DAYS, ...calendarOf(place, window.calendar).window },
});

/** The SLOs as the brute force takes them, by name. */
export function bruteSlos(history: History): Map<string, BruteSlo> {
  const slos = new Map<string, BruteSlo>(
    history.leaves.map((leaf, i) => [
      `c${i}`,
      { kind: 'leaf', ...bruteBudget(history, leaf.budget), points: pointsOf(leaf) },
    ]),
  );
  for (const level of LEVELS) slos.set(level, bruteNode(level, history));
  return slos;
}

/** An SLO of a history as it is written and, once, changed. Components come before what they are part of. */
export interface WrittenSlo {
  readonly name: string;
  readonly input: object;
  readonly adjustment: { readonly starts_at: string; readonly duration: string } | null;
  /** Null for no change. */
  readonly patch: object | null;
}

export function writtenSlos(history: History): WrittenSlo[] {
  const { place } = history;
  const written = (name: string, budget: Budget, sli: object | null, newSli: object | null): WrittenSlo => {
    const { method, slice, adjusted, terms: first, changed } = budget;
    return {
      name,
      input: {
        name,
        budgeting_method: method,
        ...(method === 'timeslices' ? { time_slice_window: `${slice}m` } : {}),
        ...termsOf(place, budget, first),
        ...(sli === null ? {} : { sli: { type: 'composite', ...sli } }),
      },
      adjustment:
        adjusted === null
          ? null
          : { starts_at: timeOf(place, adjusted.start), duration: `${adjusted.minutes}m` },
      patch:
        changed === null && newSli === null
          ? null
          : {
              ...(changed === null ? {} : termsOf(place, budget, changed)),
              ...(newSli === null ? {} : { sli: newSli }),
            },
    };
  };
  return [
    ...history.leaves.map(({ budget }, i) => written(`c${i}`, budget, null, null)),
    ...LEVELS.map((level) => {
      const { budget, rule, changed } = history[level];
      return written(level, budget, sliOf(level, rule), changed === null ? null : sliOf(level, changed));
    }),
  ];
}

export const timeOf = ({ startMs }: Place, minute: number): string =>
  new Date(startMs + minute * MINUTE_MS).toISOString();
