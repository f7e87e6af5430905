import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/lib/duration.ts';
import { adjustedFinder } from '../../src/slo/adjustment.ts';
import { parseAdjustment } from '../../src/slo/adjustment-schema.ts';
import { burnRates } from '../../src/slo/burn-rates.ts';
import { UNKNOWN_VALUES } from '../../src/slo/counter.ts';
import type { Sli, SloDefinition } from '../../src/slo/definition.ts';
import { parseSloInput } from '../../src/slo/definition-schema.ts';
import { isFaulty, readPoint } from '../../src/slo/point-schema.ts';
import { ruleAt } from '../../src/slo/revision.ts';
import { settleMinutes } from '../../src/slo/settle.ts';
import type { MinuteAccumulator, MinuteReceived, Point } from '../../src/slo/sli.ts';
import {
  addCounterPoint,
  addRatioPoint,
  addThresholdPoint,
  createMinute,
  mergeReceived,
  minuteOf,
  receivedOf,
} from '../../src/slo/sli.ts';
import { objectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import type { UsedMinute } from '../support/brute-force.ts';
import { bruteStraddle, bruteSumsBetween } from '../support/brute-force.ts';
import { cases, expectFigure, pointsOf, type Run } from '../support/vectors.ts';

/** One objective's minutes of a streamed body: a minute that comes again after another replaces. */
class Feed {
  readonly received = new Map<number, MinuteReceived>();
  #open: MinuteAccumulator | null = null;

  add(point: Point, into: (minute: MinuteAccumulator) => void): void {
    const minuteMs = minuteOf(point.atMs);
    if (this.#open?.minuteMs !== minuteMs) this.close();
    this.#open ??= createMinute(minuteMs);
    into(this.#open);
  }

  close(): void {
    if (this.#open === null) return;
    const previous = this.received.get(this.#open.minuteMs) ?? null;
    this.received.set(this.#open.minuteMs, mergeReceived(previous, receivedOf(this.#open)));
    this.#open = null;
  }

  used(sli: Sli, isAdjusted: (minuteMs: number) => boolean): UsedMinute[] {
    this.close();
    const settled = settleMinutes({
      sli,
      stored: [],
      changes: [...this.received.values()],
      before: UNKNOWN_VALUES,
      isAdjusted,
      fromMs: Number.NEGATIVE_INFINITY,
      untilMs: Number.POSITIVE_INFINITY,
    });
    return settled.flatMap(({ minuteMs, used }) => (used === null ? [] : [{ minuteMs, ...used }]));
  }
}

function minutesOf(
  definition: SloDefinition,
  objectiveName: string,
  runs: readonly Run[],
  isAdjusted: (minuteMs: number) => boolean,
): UsedMinute[] {
  const names = definition.objectives.map(({ name }) => name);
  const objective = definition.objectives.find(({ name }) => name === objectiveName);
  const feed = new Feed();
  for (const raw of runs.flatMap((run) => [...pointsOf(run)])) {
    const point = readPoint(raw, definition.sli, names);
    if (isFaulty(point)) throw new Error(JSON.stringify(point.faults));
    if (point.objective !== null && point.objective !== objectiveName) continue;
    const { op = null, value = null } = objective ?? {};
    feed.add(point, (minute) => {
      if (op !== null && value !== null) addThresholdPoint(minute, point, op, value);
      else if (definition.sli.type === 'ratio' && definition.sli.incremental) addCounterPoint(minute, point);
      else addRatioPoint(minute, point);
    });
  }
  return feed.used(definition.sli, isAdjusted);
}

const NOW = Date.UTC(2026, 11, 1);

const FIELDS = {
  state: 'state',
  reliability: 'reliability',
  budget: 'budget',
  burn_rate: 'burnRate',
  count_good: 'countGood',
  count_total: 'countTotal',
  bad_allowed: 'badAllowed',
  bad_used: 'badUsed',
  budget_minutes_remaining: 'budgetMinutesRemaining',
  time_to_exhaustion_seconds: 'timeToExhaustionSeconds',
} as const;

/** Composites need several SLOs at once: test/api/rest/vectors.test.ts has their cases. */
const ownData = cases.filter(
  ({ slos }) => !slos.some((slo) => JSON.stringify(slo.sli ?? {}).includes('composite')),
);

describe.runIf(cases.length > 0)('the worked cases', () => {
  test.each(ownData)('$name', ({ slos, feed, expect: expected }) => {
    expect(expected.length).toBeGreaterThan(0);
    const definitions = new Map<string, SloDefinition>();
    const adjusted = new Map<string, (minuteMs: number) => boolean>();
    for (const { adjustments = [], ...input } of slos) {
      const slo = parseSloInput(input);
      const name = `${slo.project}.${slo.name}`;
      definitions.set(name, slo);
      const parsed = adjustments.map((adjustment) =>
        parseAdjustment(adjustment, { id: name, timeZone: 'UTC', nowMs: NOW }),
      );
      adjusted.set(name, adjustedFinder(parsed, NOW - 365 * DAY_MS, NOW));
    }
    for (const { slo, objective, at, window, burn, ...figures } of expected) {
      const definition = definitions.get(slo);
      if (definition === undefined) throw new Error(`${slo} is not defined`);
      const { timeWindow, objectives } = definition;
      const rule = ruleAt(
        { ...definition, revisions: [{ fromMs: 0, timeWindow, objectives }] },
        objective,
        Date.parse(at),
      );
      if (rule === null) throw new Error(`${objective} is not defined`);
      const minutes = minutesOf(
        definition,
        objective,
        feed.filter((run) => run.slo === slo),
        adjusted.get(slo) ?? (() => false),
      );
      const sums = bruteSumsBetween(rule, minutes);
      const options = bruteStraddle(rule, windowAt(rule.timeWindow, Date.parse(at)), minutes);

      const status = objectiveStatus(rule, Date.parse(at), sums, options);
      for (const [field, value] of Object.entries(figures)) {
        expect(Object.keys(FIELDS)).toContain(field);
        expectFigure(status[FIELDS[field as keyof typeof FIELDS]], value, `${field} at ${at}`);
      }
      expect([status.window.startMs, status.window.endMs]).toEqual(
        [window.start, window.end].map(Date.parse),
      );

      const { windows } = burnRates(rule, Date.parse(at), sums, options);
      for (const [label, value] of Object.entries(burn)) {
        const shown = windows.find((one) => one.window === label);
        expect(shown, label).toBeDefined();
        expectFigure(shown?.burnRate, value, `burn over ${label} at ${at}`);
      }
    }
  });
});

test.runIf(process.env.REQUIRE_ALL === '1')('the worked cases are at hand', () => {
  expect(cases.length).toBeGreaterThan(0);
});
