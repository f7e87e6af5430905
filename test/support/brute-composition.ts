/**
 * Composites by the letter of the semantics, over minutes numbered from 0. Every question is answered by looking
 * through all minutes again, and nothing of `src/` is used. Minute m is complete at m + 1; "at t" is after t minutes.
 */

/** Minutes of a rolling window; or the minutes at which periods begin, ascending, past both ends of the history. */
export type BruteWindow = number | readonly number[];

/** In force for statuses at `from` or later, the first also before. */
export interface BruteTerms {
  readonly from: number;
  readonly sliceTarget: number;
  readonly target: number;
  readonly window: BruteWindow;
}

interface BruteBudget {
  readonly method: 'occurrences' | 'timeslices';
  /** Minutes of a slice; 1 for occurrences. */
  readonly slice: number;
  readonly terms: readonly BruteTerms[];
  readonly isAdjusted: (minute: number) => boolean;
}

export interface BruteLeaf extends BruteBudget {
  readonly kind: 'leaf';
  /** What came in by minute; a total of 0 is data. */
  readonly points: ReadonlyMap<number, { readonly good: number; readonly total: number }>;
}

export interface BruteLink {
  readonly name: string;
  readonly weight: number;
  readonly whenDelayed: 'count_as_good' | 'count_as_bad' | 'ignore';
}

/** In force for minutes that begin at `from` or later. */
export interface BruteRuleInForce {
  readonly from: number;
  readonly links: readonly BruteLink[];
  readonly maxDelay: number;
  readonly byBudget: boolean;
}

export interface BruteNode extends BruteBudget {
  readonly kind: 'composite';
  readonly rules: readonly BruteRuleInForce[];
}

export type BruteSlo = BruteLeaf | BruteNode;

export interface BruteStatus {
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burnRate: number | null;
  readonly burnOver5m: number | null;
  /** Over the SLO's own window. */
  readonly burnOverWindow: number | null;
  /** By the component's name. */
  readonly impacts: ReadonlyMap<string, number>;
}

/** What a composite sees of a component. */
interface Seen {
  readonly firstData: number;
  readonly isAdjusted: (minute: number) => boolean;
  /** From when on minute m is data; Infinity for never. */
  readonly dataAt: (minute: number) => number;
  /** Its quality, and from when on it is known; null for none. */
  readonly quality: (minute: number) => { readonly value: number; readonly at: number } | null;
  /** The end of its time slice that holds the minute; 0 where it counts no slices. */
  readonly openUntil: (minute: number) => number;
}

const NEVER = Number.POSITIVE_INFINITY;
const EPSILON = 1e-9;

/** The same answer for the same pair, asked for once. */
function remembered<K, T>(answer: (key: K, t: number) => T): (key: K, t: number) => T {
  const known = new Map<K, T[]>();
  return (key, t) => {
    const own = known.get(key) ?? [];
    known.set(key, own);
    const before = own[t];
    if (before !== undefined) return before;
    const found = answer(key, t);
    own[t] = found;
    return found;
  };
}

function rememberedMinute<T>(answer: (minute: number) => T): (minute: number) => T {
  const once = remembered((_: null, minute: number) => answer(minute));
  return (minute) => once(null, minute);
}

const isRolling = (window: BruteWindow): window is number => typeof window === 'number';

function termsAt({ terms }: BruteBudget, t: number): BruteTerms {
  const inForce = terms.findLast(({ from }) => from <= t) ?? terms[0];
  if (inForce === undefined) throw new Error('no terms');
  return inForce;
}

/** A window as of t: its first minute, and how many slices end in it, future ones included. */
function windowAt(budget: BruteBudget, t: number): { readonly from: number; readonly slices: number } {
  const { window } = termsAt(budget, t);
  if (isRolling(window)) return { from: t - window, slices: window / budget.slice };
  const from = window.findLast((start) => start <= t);
  const end = window.find((start) => start > t);
  if (from === undefined || end === undefined) throw new Error(`no period around ${t}`);
  return { from, slices: Math.floor(end / budget.slice) - Math.floor(from / budget.slice) };
}

/** What of a slice that ends at `end` counts for a window as of t: a calendar window has no minutes before it. */
function partInWindow(budget: BruteBudget, t: number, end: number): number {
  const { window } = termsAt(budget, t);
  const start = end - budget.slice;
  return isRolling(window) ? start : Math.max(start, windowAt(budget, t).from);
}

/** A composite, decided on for every minute of `[0, length)`. */
export interface BruteComposition {
  readonly statusAt: (t: number) => BruteStatus;
  /** `component_delay` in seconds, of the components in force at t, by name. */
  readonly delaysAt: (t: number) => ReadonlyMap<string, number>;
  /** `component_was_delayed` of minute m, by name; null while it is not decided on. */
  readonly wasDelayed: (minute: number) => ReadonlyMap<string, number> | null;
  readonly decidedAt: (minute: number) => number;
  readonly quality: (minute: number) => number | null;
}

export function bruteComposition(
  slos: ReadonlyMap<string, BruteSlo>,
  name: string,
  length: number,
): BruteComposition {
  const slo = slos.get(name);
  if (slo?.kind !== 'composite') throw new Error(`${name} is no composite`);
  const below = new Map<string, BruteComposition>();
  const seenBy = new Map<boolean, Map<string, Seen>>();
  for (const byBudget of [false, true]) {
    const all = new Map<string, Seen>();
    for (const link of slo.rules.flatMap(({ links }) => links)) {
      const component = slos.get(link.name);
      if (component === undefined) throw new Error(link.name);
      if (component.kind === 'leaf') {
        all.set(link.name, seenLeaf(component, byBudget, length));
      } else {
        const own = below.get(link.name) ?? bruteComposition(slos, link.name, length);
        below.set(link.name, own);
        all.set(link.name, seenComposite(component, own, length));
      }
    }
    seenBy.set(byBudget, all);
  }
  const ruleOf = (minute: number): BruteRuleInForce => {
    const rule = slo.rules.findLast(({ from }) => from <= minute) ?? slo.rules[0];
    if (rule === undefined) throw new Error('no rule');
    return rule;
  };
  const seenIn = (rule: BruteRuleInForce, link: BruteLink): Seen => {
    const seen = seenBy.get(rule.byBudget)?.get(link.name);
    if (seen === undefined) throw new Error(link.name);
    return seen;
  };
  const newestData = remembered((seen: Seen, t: number): number => {
    for (let m = t - 1; m >= 0; m -= 1) if (seen.dataAt(m) <= t) return m;
    return -NEVER;
  });
  const newestOfAny = remembered((rule: BruteRuleInForce, t: number): number =>
    Math.max(-NEVER, ...rule.links.map((link) => newestData(seenIn(rule, link), t))),
  );
  /** The newest minute of which any component knows something. */
  const horizon = remembered((rule: BruteRuleInForce, t: number): number => {
    for (let m = t - 1; m >= 0; m -= 1) {
      const known = rule.links.some((link) => {
        const seen = seenIn(rule, link);
        return seen.dataAt(m) <= t || (seen.quality(m)?.at ?? NEVER) <= t;
      });
      if (known) return m;
    }
    return -NEVER;
  });
  const isWaitedFor = (minute: number, t: number): boolean => {
    const rule = ruleOf(minute);
    const newest = newestOfAny(rule, t);
    // When all components are silent there are no new minutes, and none to wait for.
    if (minute > horizon(rule, t) && t - newest > rule.maxDelay) return false;
    return rule.links.some((link) => {
      const seen = seenIn(rule, link);
      if (minute < seen.firstData || seen.isAdjusted(minute)) return false;
      if (seen.openUntil(minute) > t) return true;
      if ((seen.quality(minute)?.at ?? NEVER) <= t || seen.dataAt(minute) <= t) return false;
      const own = newestData(seen, t);
      return own < minute && newest - own <= rule.maxDelay && t - newest <= rule.maxDelay;
    });
  };
  const starts = (minute: number): boolean =>
    ruleOf(minute).links.some((link) => seenIn(ruleOf(minute), link).firstData <= minute);

  const decided: number[] = new Array(length).fill(NEVER);
  const waits: boolean[] = new Array(length + 1).fill(false);
  const sliceDecided = new Map<number, number>();
  for (let t = 1; t <= length; t += 1) {
    const waited = new Set<number>();
    for (let m = 0; m < t; m += 1) {
      if ((decided[m] ?? NEVER) <= t || !starts(m)) continue;
      if (isWaitedFor(m, t)) waited.add(m);
      else if (m <= horizon(ruleOf(m), t)) decided[m] = t;
    }
    waits[t] = waited.size > 0;
    for (let end = slo.slice; end <= t; end += slo.slice) {
      if (sliceDecided.has(end)) continue;
      const minutes = Array.from({ length: slo.slice }, (_, i) => end - slo.slice + i);
      if (minutes.some((m) => waited.has(m))) continue;
      if (minutes.some((m) => (decided[m] ?? NEVER) <= t)) sliceDecided.set(end, t);
    }
  }

  const enters = (minute: number): { name: string; weight: number; q: number | null; delayed: number }[] => {
    const rule = ruleOf(minute);
    return rule.links.map((link) => {
      const { name: component, weight, whenDelayed } = link;
      const seen = seenIn(rule, link);
      const out = { name: component, weight, q: null, delayed: 3 };
      if (minute < seen.firstData || seen.isAdjusted(minute)) return out;
      const quality = seen.quality(minute);
      if (quality !== null && quality.at <= length) return { ...out, q: quality.value, delayed: 0 };
      if (seen.dataAt(minute) <= length || whenDelayed === 'ignore') return out;
      return whenDelayed === 'count_as_good' ? { ...out, q: 1, delayed: 1 } : { ...out, q: 0, delayed: 2 };
    });
  };
  const qualityOf = (minute: number): number | null => {
    const known = qualities[minute];
    if (known !== undefined) return known;
    const quality = mixed(minute);
    qualities[minute] = quality;
    return quality;
  };
  const qualities: (number | null)[] = [];
  const mixed = (minute: number): number | null => {
    if (slo.isAdjusted(minute)) return null;
    const entering = enters(minute).filter(({ q }) => q !== null);
    const weights = entering.reduce((sum, { weight }) => sum + weight, 0);
    return weights === 0
      ? null
      : entering.reduce((sum, { weight, q }) => sum + weight * (q ?? 0), 0) / weights;
  };
  const observed = (from: number, to: number, t: number): number[] =>
    Array.from({ length: Math.max(0, to - Math.max(0, from)) }, (_, i) => Math.max(0, from) + i).filter(
      (m) => (decided[m] ?? NEVER) <= t && qualityOf(m) !== null,
    );
  const mean = (minutes: readonly number[]): number | null =>
    minutes.length === 0 ? null : minutes.reduce((sum, m) => sum + (qualityOf(m) ?? 0), 0) / minutes.length;
  /** Slices that end in `(from, to]` and are complete at t, with their minutes. */
  const slicesIn = (from: number, to: number, t: number, startOf = (end: number) => end - slo.slice) =>
    [...sliceDecided]
      .filter(([end, at]) => end > from && end <= to && at <= t)
      .map(([end]) => ({ end, minutes: observed(startOf(end), end, Number.MAX_SAFE_INTEGER) }))
      .filter(({ minutes }) => minutes.length > 0);
  const isBad = ({ end, minutes }: { end: number; minutes: readonly number[] }): boolean =>
    (mean(minutes) ?? 1) < termsAt(slo, end).sliceTarget - EPSILON;
  const costs = (minute: number) =>
    enters(minute)
      .filter(({ q }) => q !== null)
      .map(({ name: component, weight, q }) => ({ component, cost: weight * (1 - (q ?? 0)), weight }));

  const statusAt = (t: number): BruteStatus => {
    const { target, window } = termsAt(slo, t);
    const { from, slices: all } = windowAt(slo, t);
    const impacts = new Map<string, number>();
    const add = (component: string, cost: number) =>
      impacts.set(component, (impacts.get(component) ?? 0) + cost);
    const newest = decided.findLastIndex((at) => at <= t);
    const first = decided.findIndex((_, m) => starts(m));
    const end = waits[t] === true ? Math.max(first, newest + 1) : t;
    const burn = (lookback: number): number | null => {
      let ratio: number | null;
      if (slo.method === 'occurrences') {
        const good = mean(observed(end - lookback, end, t));
        ratio = good === null ? null : 1 - good;
      } else {
        const last = Math.floor(end / slo.slice) * slo.slice;
        const count = Math.ceil(lookback / slo.slice);
        const slices = slicesIn(last - count * slo.slice, last, t);
        ratio = slices.length === 0 ? null : slices.filter(isBad).length / count;
      }
      return ratio === null ? null : ratio / (1 - target);
    };
    const burns = { burnRate: burn(60), burnOver5m: burn(5) };
    const nothing = { reliability: null, budget: null, burnOverWindow: null, ...burns, impacts };
    if (slo.method === 'occurrences') {
      const minutes = observed(from, t, t);
      const reliability = mean(minutes);
      if (reliability === null)
        return { ...nothing, burnOverWindow: isRolling(window) ? burn(window) : null };
      for (const m of minutes) {
        const entering = costs(m);
        const weights = entering.reduce((sum, { weight }) => sum + weight, 0);
        for (const { component, cost } of entering)
          add(component, cost / weights / minutes.length / (1 - target));
      }
      const used = (1 - reliability) / (1 - target);
      const burnOverWindow = isRolling(window) ? burn(window) : used;
      return { reliability, budget: 1 - used, burnOverWindow, ...burns, impacts };
    }
    // A rolling window's slices end in (T - W, T], T being where the last slice ended.
    const last = Math.floor(t / slo.slice) * slo.slice;
    const slices = slicesIn(isRolling(window) ? last - window : from, last, t, (one) =>
      partInWindow(slo, t, one),
    );
    if (slices.length === 0) return { ...nothing, burnOverWindow: isRolling(window) ? burn(window) : null };
    const bad = slices.filter(isBad);
    for (const { minutes } of bad) {
      const split = minutes.flatMap(costs);
      const whole = split.reduce((sum, { cost }) => sum + cost, 0);
      for (const { component, cost } of split) add(component, cost / whole / (1 - target) / all);
    }
    const soFar = Math.floor(end / slo.slice) - Math.floor(from / slo.slice);
    return {
      reliability: 1 - bad.length / all,
      budget: 1 - bad.length / ((1 - target) * all),
      burnOverWindow: isRolling(window) ? burn(window) : bad.length / soFar / (1 - target),
      ...burns,
      impacts,
    };
  };
  return {
    statusAt,
    delaysAt: (t) => {
      const rule = ruleOf(t - 1);
      const newest = newestOfAny(rule, t);
      return new Map(
        rule.links.flatMap((link) => {
          const own = newestData(seenIn(rule, link), t);
          return own === -NEVER ? [] : [[link.name, (newest - own) * 60]];
        }),
      );
    },
    wasDelayed: (minute) =>
      (decided[minute] ?? NEVER) > length
        ? null
        : new Map(enters(minute).map(({ name: component, delayed }) => [component, delayed])),
    decidedAt: (minute) => decided[minute] ?? NEVER,
    quality: qualityOf,
  };
}

function seenLeaf(leaf: BruteLeaf, byBudget: boolean, length: number): Seen {
  const used = (m: number) => (leaf.isAdjusted(m) ? undefined : leaf.points.get(m));
  const over = (from: number, to: number) => {
    let good = 0;
    let total = 0;
    for (let m = Math.max(0, from); m < to; m += 1) {
      good += used(m)?.good ?? 0;
      total += used(m)?.total ?? 0;
    }
    return { good, total };
  };
  const isGood = ({ good, total }: { good: number; total: number }, end: number) =>
    good / total >= termsAt(leaf, end).sliceTarget - EPSILON;
  const budget = (t: number): number | null => {
    const { target, window } = termsAt(leaf, t);
    const { from, slices } = windowAt(leaf, t);
    if (leaf.method === 'occurrences') {
      const { good, total } = over(from, t);
      return total === 0 ? null : 1 - (1 - good / total) / (1 - target);
    }
    const last = Math.floor(t / leaf.slice) * leaf.slice;
    const after = isRolling(window) ? last - window : from;
    let seen = 0;
    let bad = 0;
    for (let end = last; end > after && end > 0; end -= leaf.slice) {
      const slice = over(partInWindow(leaf, t, end), end);
      if (slice.total === 0) continue;
      seen += 1;
      if (!isGood(slice, end)) bad += 1;
    }
    return seen === 0 ? null : 1 - bad / ((1 - target) * slices);
  };
  const inSlices = leaf.method === 'timeslices' && !byBudget;
  const endOf = (m: number) => (Math.floor(m / leaf.slice) + 1) * leaf.slice;
  return {
    firstData: Math.min(NEVER, ...leaf.points.keys()),
    isAdjusted: leaf.isAdjusted,
    dataAt: (m) => (leaf.points.has(m) ? m + 1 : NEVER),
    openUntil: (m) => (inSlices ? endOf(m) : 0),
    quality: rememberedMinute((m) => {
      if (byBudget) {
        const left = used(m) === undefined ? null : budget(m + 1);
        return left === null ? null : { value: left > EPSILON ? 1 : 0, at: m + 1 };
      }
      if (inSlices) {
        const end = endOf(m);
        const slice = over(end - leaf.slice, end);
        return end > length || slice.total === 0 ? null : { value: isGood(slice, end) ? 1 : 0, at: end };
      }
      const minute = used(m);
      return minute === undefined || minute.total === 0
        ? null
        : { value: minute.good / minute.total, at: m + 1 };
    }),
  };
}

function seenComposite(node: BruteNode, own: BruteComposition, length: number): Seen {
  const minutes = Array.from({ length }, (_, m) => m);
  return {
    firstData: minutes.find((m) => own.decidedAt(m) <= length) ?? NEVER,
    isAdjusted: node.isAdjusted,
    dataAt: own.decidedAt,
    openUntil: () => 0,
    quality: (m) => {
      const value = own.quality(m);
      return value === null || own.decidedAt(m) > length ? null : { value, at: own.decidedAt(m) };
    },
  };
}
