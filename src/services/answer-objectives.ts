import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import { countedInstants, looksBackAlike } from '../slo/instants.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from '../slo/rule.ts';
import { windowAt } from '../slo/window.ts';
import type { Tx } from '../storage/client.ts';
import type { CompositeAt } from '../storage/composite-rows.ts';
import { loadTotals, type SeriesTotals } from '../storage/series-totals.ts';
import { loadComposites, lookbackEndOf, seenAt } from './composite-at.ts';
import { straddleIn, straddleOptions } from './series-plan.ts';

/** One objective of an SLO, with the rule that decides. */
export interface Asked {
  readonly slo: Slo;
  readonly rule: ObjectiveRule;
}

/** What an answer is made of. */
interface Basis {
  readonly slo: Slo;
  readonly rule: ObjectiveRule;
  readonly sums: SumsBetween;
  readonly options: StatusOptions;
  readonly totals: SeriesTotals['totals'];
  /** Of a composite; else null. */
  readonly composite: CompositeAt | null;
}

/** What is asked of each objective. */
interface Question<T> {
  /** Every instant that the answer may ask for. */
  readonly instants: (rule: ObjectiveRule, tMs: number) => readonly number[];
  /** Those of them that few answers ask for. */
  readonly rare: (rule: ObjectiveRule, tMs: number) => readonly number[];
  readonly answer: (basis: Basis) => T;
}

/** From so many objectives on it is worth leaving out at first what few of them ask for: one more question costs less. */
const MANY = 100;

/**
 * Answers the question for each objective as of `atMs`, from its running totals at a few instants. The answers by the id
 * of the SLO, in the order of what was asked.
 */
export async function answerObjectives<T>(
  tx: Tx,
  asked: readonly Asked[],
  atMs: number,
  question: Question<T>,
): Promise<Map<string, T[]>> {
  const composites = await loadComposites(
    tx,
    asked.map(({ slo }) => slo),
    atMs,
  );
  const ask = { tx, composites, atMs, question };
  const found = await answersTo(ask, asked, asked.length >= MANY ? question.rare : () => []);
  const open = asked.filter((_, i) => found[i] === OPEN);
  const rest = open.length === 0 ? [] : await answersTo(ask, open, () => []);
  const answers = new Map<string, T[]>();
  let next = 0;
  asked.forEach(({ slo }, i) => {
    const one = found[i] === OPEN ? rest[next++] : found[i];
    if (one === undefined || one === OPEN) throw new TypeError('A question was left open.');
    const list = answers.get(slo.id);
    if (list === undefined) answers.set(slo.id, [one]);
    else list.push(one);
  });
  return answers;
}

/** In place of an answer that asked for an instant that was left out. */
const OPEN = Symbol('open');

interface Asking<T> {
  readonly tx: Tx;
  readonly composites: ReadonlyMap<string, CompositeAt>;
  readonly atMs: number;
  readonly question: Question<T>;
}

/** One answer for each, in their order. Nothing is read of the instants that `leftOut` names. */
async function answersTo<T>(
  { tx, composites, atMs, question }: Asking<T>,
  asked: readonly Asked[],
  leftOut: Question<T>['rare'],
): Promise<(T | typeof OPEN)[]> {
  const leftOutOf = onceForAlike((rule) => leftOut(rule, atMs));
  const instantsOf = onceForAlike((rule) => {
    const without = leftOut(rule, atMs);
    return question.instants(rule, atMs).filter((instant) => !without.includes(instant));
  });
  let before: readonly number[] = [];
  const loaded = await loadTotals(
    tx,
    asked.map(({ slo, rule }) => {
      const composite = composites.get(slo.id);
      // A composite that waits looks back from where it stopped.
      const needed =
        composite === undefined
          ? instantsOf(rule)
          : compositeInstants(
              rule,
              [atMs, lookbackEndOf(slo, composite, floorTo(atMs, MINUTE_MS))],
              question.instants,
            );
      const counted = countedInstants(slo, needed);
      // The same array where it says the same: then it is looked through once for all.
      if (counted !== before && !isSame(counted, before)) before = counted;
      return {
        key: { accountId: slo.accountId, sloId: slo.id, objective: rule.objective.name },
        instants: before,
        minutes: straddleIn(rule, windowAt(rule.timeWindow, atMs)),
      };
    }),
  );
  return asked.map(({ slo, rule }, i) => {
    const series = loaded[i];
    if (series === undefined) throw new TypeError('A series was not read.');
    const options = straddleOptions(slo, rule, windowAt(rule.timeWindow, atMs), series.minutes);
    const composite = composites.get(slo.id) ?? null;
    const unread = composite === null ? leftOutOf(rule) : [];
    let isOpen = false;
    const sums: SumsBetween = (fromMs, toMs) => {
      if (unread.length > 0 && (unread.includes(fromMs) || unread.includes(toMs))) isOpen = true;
      return series.totals.between(fromMs, toMs);
    };
    const seen = composite === null ? { sums, options } : seenAt(slo, rule, composite, atMs, sums, options);
    const answer = question.answer({ slo, rule, composite, totals: series.totals, ...seen });
    return isOpen ? OPEN : answer;
  });
}

/** As `find`, but neighbours that look back alike get the very same array, which is made once. */
function onceForAlike(
  find: (rule: ObjectiveRule) => readonly number[],
): (rule: ObjectiveRule) => readonly number[] {
  let last: { readonly rule: ObjectiveRule; readonly found: readonly number[] } | null = null;
  return (rule) => {
    if (last === null || !looksBackAlike(last.rule, rule)) last = { rule, found: find(rule) };
    return last.found;
  };
}

function compositeInstants(
  rule: ObjectiveRule,
  ends: readonly number[],
  instants: Question<unknown>['instants'],
): number[] {
  return [...new Set(ends.flatMap((endMs) => instants(rule, endMs)))].sort((a, b) => a - b);
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
