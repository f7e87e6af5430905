import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { type BruteNode, type BruteSlo, bruteComposition } from '../support/brute-composition.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
/** The history lies on both sides of a midnight. */
const START = Date.UTC(2026, 10, 9, 22, 40);
const DATA_MINUTES = 110;
const MINUTES = 140;

const adjustments = fc.option(
  fc.record({ start: fc.nat(DATA_MINUTES), minutes: fc.integer({ min: 1, max: 20 }) }),
  { freq: 1 },
);
const budgets = fc.record({
  method: fc.constantFrom('occurrences' as const, 'timeslices' as const),
  slice: fc.constantFrom(1, 4, 5),
  sliceTarget: fc.constantFrom(0.5, 0.75, 1),
  target: fc.constantFrom(0.5, 0.9),
  window: fc.constantFrom(20, 60),
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
const histories = fc.record({
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
type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;
type Budget = History['inner']['budget'];
type Rule = History['inner']['rule'];

const PARTS = { inner: ['c0', 'c1', 'c2'], outer: ['inner', 'c2', 'c0'] } as const;
const linksOf = (level: keyof typeof PARTS, { links, entering }: Rule) =>
  PARTS[level].flatMap((name, i) => {
    const link = links[i];
    return link !== undefined && (entering >> i) % 2 === 1 ? [{ name, ...link }] : [];
  });

function bruteBudget({ adjusted, ...budget }: Budget) {
  return {
    ...budget,
    slice: budget.method === 'timeslices' ? budget.slice : 1,
    isAdjusted: (m: number) =>
      adjusted !== null && m >= adjusted.start && m < adjusted.start + adjusted.minutes,
  };
}

function bruteNode(level: keyof typeof PARTS, history: History): BruteNode {
  const { budget, rule, changed } = history[level];
  const inForce = (one: Rule, from: number) => ({
    from,
    links: linksOf(level, one),
    maxDelay: one.maxDelay,
    byBudget: one.byBudget,
  });
  return {
    kind: 'composite',
    ...bruteBudget(budget),
    rules: [inForce(rule, 0), ...(changed === null ? [] : [inForce(changed, history.changeAt)])],
  };
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

const timeOf = (m: number): string => new Date(START + m * MINUTE_MS).toISOString();

const sliOf = (level: keyof typeof PARTS, rule: Rule) => ({
  max_delay: `${rule.maxDelay}m`,
  aggregation: rule.byBudget ? 'error_budget_state' : 'reliability',
  components: linksOf(level, rule).map(({ name, weight, whenDelayed }) => ({
    slo: name,
    weight,
    when_delayed: whenDelayed,
  })),
});

let account = 0;

async function check(history: History): Promise<void> {
  const env = createTestEnvironment(database, START - 30_000);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const slos = new Map<string, BruteSlo>(
    history.leaves.map((leaf, i) => [
      `c${i}`,
      { kind: 'leaf', ...bruteBudget(leaf.budget), points: pointsOf(leaf) },
    ]),
  );
  for (const level of ['inner', 'outer'] as const) slos.set(level, bruteNode(level, history));

  const create = async (
    name: string,
    { method, slice, sliceTarget, target, window, adjusted }: Budget,
    sli?: object,
  ) => {
    const { id } = await createSlo({
      ctx,
      input: {
        name,
        budgeting_method: method,
        ...(method === 'timeslices' ? { time_slice_window: `${slice}m` } : {}),
        objectives: [
          { name: 'default', target, ...(method === 'timeslices' ? { time_slice_target: sliceTarget } : {}) },
        ],
        time_window: { type: 'rolling', duration: `${window}m` },
        ...(sli === undefined ? {} : { sli: { type: 'composite', ...sli } }),
      },
    });
    if (adjusted === null) return;
    const body = { starts_at: timeOf(adjusted.start), duration: `${adjusted.minutes}m` };
    await addBudgetAdjustment({ ctx, input: { id, body } });
  };
  for (const [i, { budget }] of history.leaves.entries()) await create(`c${i}`, budget);
  for (const level of ['inner', 'outer'] as const) {
    await create(level, history[level].budget, sliOf(level, history[level].rule));
  }

  const points = [...slos].flatMap(([slo, one]) =>
    one.kind === 'leaf' ? [...one.points].map(([m, counts]) => ({ slo, m, ...counts })) : [],
  );
  const push = async (from: number, to: number): Promise<void> => {
    const some = points.filter(({ m }) => m >= from && m < to);
    if (history.backwards) some.reverse();
    const body = some
      .map(({ slo, m, good, total }) => JSON.stringify({ slo: `default.${slo}`, at: timeOf(m), good, total }))
      .join('\n');
    const { rejected } = await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
    expect(rejected).toBe(0);
  };
  env.clock.set(START + history.changeAt * MINUTE_MS);
  await push(0, history.live ? history.changeAt : 3);
  await evaluate(env);
  for (const level of ['inner', 'outer'] as const) {
    const { changed } = history[level];
    if (changed === null) continue;
    // Nothing was ever judged by what a composite without data said before.
    const { lastDataAtMs } = await getSlo({ ctx, input: { id: `default.${level}` } });
    const node = bruteNode(level, history);
    if (lastDataAtMs === null) slos.set(level, { ...node, rules: node.rules.slice(1) });
    await updateSlo({ ctx, input: { id: `default.${level}`, patch: { sli: sliOf(level, changed) } } });
  }
  for (let m = history.changeAt; m < MINUTES; m += 23) {
    const until = Math.min(MINUTES, m + 23);
    env.clock.set(START + until * MINUTE_MS + 10_000);
    if (history.live) await push(m, until);
    await evaluate(env);
  }
  env.clock.set(START + MINUTES * MINUTE_MS + 20_000);
  if (!history.live) await push(3, MINUTES);
  await evaluate(env);
  for (const level of ['inner', 'outer'] as const) await compare(ctx, level, slos);
}

interface Row {
  readonly at: Date;
  readonly state: string | null;
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burn_rate: number | null;
  readonly component_impact: (number | null)[] | null;
  readonly component_delay: (number | null)[] | null;
  readonly component_was_delayed: (number | null)[] | null;
}

async function compare(
  ctx: ServiceContext,
  level: keyof typeof PARTS,
  slos: ReadonlyMap<string, BruteSlo>,
): Promise<void> {
  const brute = bruteComposition(slos, level, MINUTES);
  const slo = await getSlo({ ctx, input: { id: `default.${level}` } });
  const rows = await database.query<Row>('SELECT * FROM np_slo_snapshots WHERE slo_id = $1', [slo.id]);
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
  const node = slos.get(level);
  if (node?.kind !== 'composite') throw new Error(level);
  // Components stand in the order in which they came.
  const places = [...new Set(node.rules.flatMap(({ links }) => links.map(({ name }) => name)))];
  const close = (actual: number | null | undefined, expected: number | null, what: string): void => {
    if (expected === null) expect(actual ?? null, what).toBeNull();
    else expect(actual ?? Number.NaN, what).toBeCloseTo(expected, 8);
  };
  for (let t = 1; t <= MINUTES; t += 1) {
    const status = brute.statusAt(t);
    const what = `of ${level} at minute ${t}`;
    const row = byTime.get(START + t * MINUTE_MS);
    if (status.reliability !== null) expect(row?.state ?? null, `state ${what}`).not.toBeNull();
    if (row !== undefined && row.state !== null) {
      close(row.reliability, status.reliability, `reliability ${what}`);
      close(row.budget, status.budget, `budget ${what}`);
      close(row.burn_rate, status.burnRate, `burn ${what}`);
      if (status.budget !== null) {
        const impacts = places.map((name) => status.impacts.get(name) ?? 0);
        const sum = impacts.reduce((all, impact) => all + impact, 0);
        expect(sum, `impacts ${what}`).toBeCloseTo(1 - status.budget, 8);
        places.forEach((name, i) => {
          // Where it has come since, the row may not have a place for it.
          close(row.component_impact?.[i] ?? 0, impacts[i] ?? 0, `impact of ${name} ${what}`);
        });
      }
      const delays = brute.delaysAt(t);
      const wasDelayed = brute.wasDelayed(t - 1);
      places.forEach((name, i) => {
        close(row.component_delay?.[i], delays.get(name) ?? null, `delay of ${name} ${what}`);
        close(row.component_was_delayed?.[i], wasDelayed?.get(name) ?? null, `was delayed ${name} ${what}`);
      });
    }
    if (t % 17 !== 0 && t !== MINUTES) continue;
    const input = { slos: [slo], atMs: START + t * MINUTE_MS };
    const read = (await readStatuses({ ctx, input })).get(slo.id)?.objectives[0];
    close(read?.reliability, status.reliability, `read reliability ${what}`);
    close(read?.budget, status.budget, `read budget ${what}`);
    close(read?.burnRate, status.burnRate, `read burn ${what}`);
    const rates = (await readBurnRates({ ctx, input })).get(slo.id)?.objectives[0];
    const five = rates?.windows.find(({ window }) => window === '5m')?.burnRate;
    close(five, status.burnOver5m, `burn over 5m ${what}`);
  }
}

test('nested composites of both kinds, adjusted and changed, equal the brute-force reading', async () => {
  await fc.assert(fc.asyncProperty(histories, check), {
    numRuns: Number(process.env.PROPERTY_RUNS ?? 6),
    // The same histories each time; another seed draws others.
    seed: Number(process.env.PROPERTY_SEED ?? 1),
    endOnFailure: true,
  });
}, 240_000);
