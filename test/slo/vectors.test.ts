import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/lib/duration.ts';
import { adjustedFinder, type BudgetAdjustment } from '../../src/slo/adjustment.ts';
import { parseAdjustment } from '../../src/slo/adjustment-schema.ts';
import { burnRates, type ObjectiveBurnRate } from '../../src/slo/burn-rates.ts';
import { UNKNOWN_VALUES } from '../../src/slo/counter.ts';
import type { DefinitionRevision, Sli, SloDefinition } from '../../src/slo/definition.ts';
import { parseSloInput } from '../../src/slo/definition-schema.ts';
import { isFaulty, readPoint } from '../../src/slo/point-schema.ts';
import { ruleAt } from '../../src/slo/revision.ts';
import { type SettledMinute, settleMinutes } from '../../src/slo/settle.ts';
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
import { type ObjectiveStatus, objectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import type { UsedMinute } from '../support/brute-force.ts';
import { bruteStraddle, bruteSumsBetween } from '../support/brute-force.ts';
import { type PureSlo, runPure } from '../support/pure-composition.ts';
import { type Case, cases, type Expected, expectFigure, pointsOf, type Run } from '../support/vectors.ts';

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

  settled(sli: Sli, isAdjusted: (minuteMs: number) => boolean): SettledMinute[] {
    this.close();
    return settleMinutes({
      sli,
      stored: [],
      changes: [...this.received.values()],
      before: UNKNOWN_VALUES,
      isAdjusted,
      fromMs: Number.NEGATIVE_INFINITY,
      untilMs: Number.POSITIVE_INFINITY,
    });
  }
}

function minutesOf(
  definition: SloDefinition,
  objectiveName: string,
  runs: readonly Run[],
  isAdjusted: (minuteMs: number) => boolean,
): SettledMinute[] {
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
  return feed.settled(definition.sli, isAdjusted);
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

const isComposite = ({ slos }: Case): boolean =>
  slos.some(({ sli }) => JSON.stringify(sli ?? {}).includes('"composite"'));

/** A case's SLO under its name, with what came in for one of its objectives. */
interface Fed {
  readonly definition: SloDefinition;
  readonly adjustments: readonly BudgetAdjustment[];
  readonly minutes: (objective: string) => SettledMinute[];
}

function definitionsOf({ slos, feed }: Case): Map<string, Fed> {
  return new Map(
    slos.map(({ adjustments: raw = [], ...input }) => {
      const definition = parseSloInput(input);
      const name = `${definition.project}.${definition.name}`;
      const adjustments = raw.map((one) => parseAdjustment(one, { id: name, timeZone: 'UTC', nowMs: NOW }));
      const isAdjusted = adjustedFinder(adjustments, NOW - 365 * DAY_MS, NOW);
      const runs = feed.filter((run) => run.slo === name);
      const known = new Map<string, SettledMinute[]>();
      return [
        name,
        {
          definition,
          adjustments,
          minutes: (objective: string) => {
            const minutes = known.get(objective) ?? minutesOf(definition, objective, runs, isAdjusted);
            known.set(objective, minutes);
            return minutes;
          },
        },
      ];
    }),
  );
}

const alwaysInForce = ({ timeWindow, objectives, sli }: SloDefinition): DefinitionRevision => ({
  fromMs: 0,
  timeWindow,
  objectives,
  ...(sli.type === 'composite'
    ? {
        composite: {
          ...sli,
          components: sli.components.map((one) => ({ ...one, sloId: `${one.project}.${one.slo}` })),
        },
      }
    : {}),
});

function expectStatus(
  { slo: _, objective: __, at, window, burn, component_impacts, ...figures }: Expected,
  status: ObjectiveStatus,
  { windows }: ObjectiveBurnRate,
): void {
  for (const [field, value] of Object.entries(figures)) {
    expect(Object.keys(FIELDS)).toContain(field);
    expectFigure(status[FIELDS[field as keyof typeof FIELDS]], value, `${field} at ${at}`);
  }
  expect([status.window.startMs, status.window.endMs]).toEqual([window.start, window.end].map(Date.parse));
  for (const [label, value] of Object.entries(burn)) {
    const shown = windows.find((one) => one.window === label);
    expect(shown, label).toBeDefined();
    expectFigure(shown?.burnRate, value, `burn over ${label} at ${at}`);
  }
}

describe.runIf(cases.length > 0)('the worked cases', () => {
  test.each(cases.filter((one) => !isComposite(one)))('$name', (one) => {
    expect(one.expect.length).toBeGreaterThan(0);
    const definitions = definitionsOf(one);
    for (const expected of one.expect) {
      const { slo, objective } = expected;
      const atMs = Date.parse(expected.at);
      const fed = definitions.get(slo);
      if (fed === undefined) throw new Error(`${slo} is not defined`);
      const { definition, minutes } = fed;
      const rule = ruleAt({ ...definition, revisions: [alwaysInForce(definition)] }, objective, atMs);
      if (rule === null) throw new Error(`${objective} is not defined`);
      const used = minutes(objective).flatMap((minute): UsedMinute[] =>
        minute.used === null ? [] : [{ minuteMs: minute.minuteMs, ...minute.used }],
      );
      const sums = bruteSumsBetween(rule, used);
      const options = bruteStraddle(rule, windowAt(rule.timeWindow, atMs), used);
      expectStatus(
        expected,
        objectiveStatus(rule, atMs, sums, options),
        burnRates(rule, atMs, sums, options),
      );
    }
  });

  test.each(cases.filter(isComposite))('$name', (one) => {
    expect(one.expect.length).toBeGreaterThan(0);
    const slos = new Map(
      [...definitionsOf(one)].map(([name, { definition, minutes, adjustments }]): [string, PureSlo] => [
        name,
        {
          ...definition,
          revisions: [alwaysInForce(definition)],
          adjustments,
          changes: definition.sli.type === 'composite' ? [] : minutes(definition.objectives[0]?.name ?? ''),
        },
      ]),
    );
    const lastMs = Math.max(...one.expect.map(({ at }) => Date.parse(at)));
    for (const expected of one.expect) {
      const run = runPure(slos, expected.slo, lastMs);
      const atMs = Date.parse(expected.at);
      const row = run.rows.get(atMs);
      if (row?.status === undefined || row.status === null) throw new Error(`no status at ${expected.at}`);
      expectStatus(expected, row.status, run.burnRatesAt(atMs));
      expected.component_impacts?.forEach((impact, i) => {
        expectFigure(row.composite?.impact?.[i], impact, `impact of component ${i} at ${expected.at}`);
      });
    }
  });
});

test.runIf(process.env.REQUIRE_ALL === '1')('the worked cases are at hand', () => {
  expect(cases.length).toBeGreaterThan(0);
});
