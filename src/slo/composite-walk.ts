import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { allowedErrorRatio } from './budget.ts';
import { type CompositeMinute, componentKey, type EvaluatedComposite, everyComponent } from './composite.ts';
import { type PendingUnit, sumsSeenAt } from './composite-view.ts';
import type { DefinitionRevision } from './definition.ts';
import type { LossTotals } from './loss-totals.ts';
import { revisionAt } from './revision.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import { lastInstant, slicesOf, straddlingSlice, windowInstant } from './rule.ts';
import type { SettledMinute } from './settle.ts';
import { sliceIsGood } from './sli.ts';
import type { ObjectiveStatus } from './status.ts';
import type { ResolvedWindow } from './window.ts';

/** What a row of a composite has beside the rest. Lists have one element a component; NaN is null. */
export interface CompositeColumns {
  readonly evaluatedAtMs: number | null;
  readonly countedAtMs: number | null;
  readonly lookbackEndMs: number | null;
  readonly maxDelaySeconds: number | null;
  readonly impact: readonly number[] | null;
  readonly delay: readonly number[] | null;
  readonly wasDelayed: readonly number[] | null;
  /** Pairs of numbers. */
  readonly loss: readonly number[];
}

export interface WalkedComposite {
  readonly revisions: readonly DefinitionRevision[];
  readonly timeslices: boolean;
  readonly sliceMs: number;
  readonly evaluated: EvaluatedComposite;
  /** Minutes that are not observed, in an adjustment of the composite itself. */
  readonly isAdjusted: (minuteMs: number) => boolean;
  /** Loaded with all before the walk that windows in it begin with; it is counted on. */
  readonly losses: LossTotals;
}

/** What stands of a composite's minute. */
export interface StoredCompositeRow {
  readonly usedGood: number | null;
  readonly dataUnused: boolean;
  readonly evaluatedAtMs: number | null;
  readonly countedAtMs: number | null;
  readonly delay: readonly (number | null)[] | null;
  readonly wasDelayed: readonly (number | null)[] | null;
}

/** What of a composite differs from other SLOs while its rows are computed one after the other. */
export class CompositeWalk {
  readonly #composite: WalkedComposite;
  readonly #places: ReadonlyMap<string, number>;
  readonly #minutes: ReadonlyMap<number, CompositeMinute>;
  readonly #instants: ReadonlyMap<number, EvaluatedComposite['instants'][number]>;
  #pending: PendingUnit[] = [];
  #pendingLosses: {
    readonly at: number;
    readonly countedAtMs: number;
    readonly losses: readonly number[];
  }[] = [];

  constructor(composite: WalkedComposite) {
    this.#composite = composite;
    const { evaluated, revisions } = composite;
    this.#places = new Map(everyComponent(revisions).map((component, i) => [componentKey(component), i]));
    this.#minutes = new Map(evaluated.minutes.map((minute) => [minute.minuteMs, minute]));
    this.#instants = new Map(evaluated.instants.map((instant) => [instant.atMs, instant]));
  }

  /** The minutes from `fromMs` on as they are to stand. */
  changes(fromMs: number): SettledMinute[] {
    return this.#composite.evaluated.minutes.flatMap((minute) => {
      if (minute.minuteMs < fromMs) return [];
      const isEvaluated = Number.isFinite(minute.evaluatedAtMs);
      const good = isEvaluated ? this.#quality(minute) : null;
      return [
        {
          minuteMs: minute.minuteMs,
          good: null,
          bad: null,
          total: null,
          value: null,
          used: good === null ? null : { good, total: 1 },
          dataUnused: isEvaluated && good === null,
        },
      ];
    });
  }

  /** Takes what components had cost up to a row before the walk. */
  load(at: number, pairs: readonly (number | null)[]): void {
    this.#composite.losses.load(at, pairs);
  }

  /** Whether a row says of its minute, and of what was known at its end, what it should. */
  isSame(at: number, minute: SettledMinute, row: StoredCompositeRow | null): boolean {
    const columns = this.columns(at, null, null);
    if (row === null) return minute.used === null && !minute.dataUnused;
    return (
      row.usedGood === (minute.used?.good ?? null) &&
      row.dataUnused === minute.dataUnused &&
      row.evaluatedAtMs === columns.evaluatedAtMs &&
      row.countedAtMs === columns.countedAtMs &&
      areSame(row.delay, columns.delay) &&
      areSame(row.wasDelayed, columns.wasDelayed)
    );
  }

  /** Units before `at` that did not count by then, as the walk begins. */
  begin(at: number, sliceTargetAt: (endMs: number) => number): void {
    const { evaluated, timeslices, sliceMs } = this.#composite;
    const step = timeslices ? sliceMs : MINUTE_MS;
    const first = evaluated.minutes[0]?.minuteMs ?? at;
    for (let end = floorTo(first, step) + step; end < at; end += step) {
      const counted = this.#countedAt(end);
      if (counted === null || counted < at || !Number.isFinite(counted)) continue;
      const unit = this.#unit(end, sliceTargetAt(end));
      if (unit !== null) this.#hold(end, counted, unit);
    }
  }

  /** Good and total of what ends at `at`; null where nothing was observed. */
  #unit(at: number, sliceTarget: number): { readonly good: number; readonly total: number } | null {
    const { timeslices, sliceMs } = this.#composite;
    if (!timeslices) {
      const minute = this.#minutes.get(at - MINUTE_MS);
      const quality = minute === undefined ? null : this.#quality(minute);
      return quality === null ? null : { good: quality, total: 1 };
    }
    let sum = 0;
    let count = 0;
    for (const minute of this.#minutesIn(at - sliceMs, at)) {
      sum += this.#quality(minute) ?? 0;
      count += 1;
    }
    return count === 0 ? null : { good: sliceIsGood(sum, count, sliceTarget) ? 1 : 0, total: 1 };
  }

  /** Whether the slice that ends at `at` is still waited for. */
  isOpen(at: number): boolean {
    return this.#composite.timeslices && this.#countedAt(at) === Number.POSITIVE_INFINITY;
  }

  /** Takes note of what was counted at `at`. */
  push(at: number, good: number, total: number): void {
    const losses = total > 0 ? this.#losses(at, good) : null;
    this.#composite.losses.push(at, losses);
    const counted = this.#countedAt(at);
    if (total > 0 && counted !== null && counted > at) this.#hold(at, counted, { good, total });
    this.#pending = this.#pending.filter(({ countedAtMs }) => countedAtMs > at);
    this.#pendingLosses = this.#pendingLosses.filter(({ countedAtMs }) => countedAtMs > at);
  }

  #hold(at: number, countedAtMs: number, unit: { readonly good: number; readonly total: number }): void {
    this.#pending.push({ at, countedAtMs, ...unit });
    const losses = this.#losses(at, unit.good);
    if (losses !== null) this.#pendingLosses.push({ at, countedAtMs, losses });
  }

  /** The sums and options of a status at `at`. */
  view(
    at: number,
    sums: SumsBetween,
    options: StatusOptions,
  ): { readonly sums: SumsBetween; readonly options: StatusOptions } {
    const lookbackEndMs = this.#instants.get(at)?.lookbackEndMs ?? at;
    const { straddle, ...rest } = options;
    const hidesStraddle =
      straddle !== undefined &&
      options.window !== undefined &&
      this.#isPending(floorTo(options.window.startMs, this.#composite.sliceMs) + this.#composite.sliceMs, at);
    return {
      sums: sumsSeenAt(sums, this.#pending, at),
      options: {
        ...rest,
        ...(straddle === undefined || hidesStraddle ? {} : { straddle }),
        ...(lookbackEndMs === at ? {} : { lookbackEndMs }),
      },
    };
  }

  /** The columns of the row at `at`. */
  columns(at: number, rule: ObjectiveRule | null, status: ObjectiveStatus | null): CompositeColumns {
    const { losses, revisions } = this.#composite;
    const minute = this.#minutes.get(at - MINUTE_MS);
    const instant = this.#instants.get(at);
    const counted = this.#countedAt(at);
    const later = (ms: number | null | undefined): number | null =>
      ms === null || ms === undefined || ms === at || !Number.isFinite(ms) ? null : ms;
    const evaluatedAtMs = minute?.evaluatedAtMs ?? Number.POSITIVE_INFINITY;
    const wasDelayed = this.#byPlace(
      Number.isFinite(evaluatedAtMs)
        ? (minute?.components ?? []).map((one) => [one.key, one.wasDelayed])
        : [],
    );
    return {
      evaluatedAtMs: later(evaluatedAtMs),
      countedAtMs: later(counted),
      lookbackEndMs: later(instant?.lookbackEndMs),
      maxDelaySeconds: (revisionAt(revisions, at - MINUTE_MS).composite?.maxDelayMs ?? 0) / 1000,
      impact: rule === null || status === null ? null : this.#impact(at, rule, status),
      delay: this.#byPlace([...(instant?.delays ?? [])]),
      wasDelayed,
      loss: losses.last,
    };
  }

  /** Of a row that is no snapshot. */
  carried(): CompositeColumns {
    return {
      evaluatedAtMs: null,
      countedAtMs: null,
      lookbackEndMs: null,
      maxDelaySeconds: null,
      impact: null,
      delay: null,
      wasDelayed: null,
      loss: this.#composite.losses.last,
    };
  }

  #impact(at: number, rule: ObjectiveRule, status: ObjectiveStatus): number[] | null {
    if (status.reliability === null || status.countTotal === null) return null;
    const { window } = status;
    const { losses, timeslices, sliceMs } = this.#composite;
    const fromMs = windowInstant(rule, window);
    const toMs = lastInstant(rule, at);
    const lost = fromMs < toMs ? losses.between(fromMs, toMs) : losses.between(toMs, toMs);
    for (const unit of this.#pendingLosses) {
      if (unit.at <= fromMs || unit.at > toMs || unit.countedAtMs <= at) continue;
      unit.losses.forEach((loss, i) => {
        lost[i] = (lost[i] ?? 0) - loss;
      });
    }
    this.#addStraddle(lost, at, rule, window);
    const whole = timeslices ? slicesOf(window, sliceMs) : status.observed;
    const allowed = allowedErrorRatio(rule.objective.target) * whole;
    return lost.map((loss) => Math.max(0, loss) / allowed);
  }

  /** The first slice of a calendar window that begins within it costs by its minutes in the window. */
  #addStraddle(lost: number[], at: number, rule: ObjectiveRule, window: ResolvedWindow): void {
    const slice = this.#composite.timeslices ? straddlingSlice(window, rule.sliceMs) : null;
    if (slice === null || slice.toMs > at || this.#isPending(slice.toMs, at)) return;
    const target = rule.objective.timeSliceTarget ?? 1;
    const minutes = this.#minutesIn(slice.fromMs, slice.toMs);
    const sum = minutes.reduce((all, minute) => all + (this.#quality(minute) ?? 0), 0);
    if (minutes.length === 0 || sliceIsGood(sum, minutes.length, target)) return;
    this.#sliceLosses(minutes).forEach((loss, i) => {
      lost[i] = (lost[i] ?? 0) + loss;
    });
  }

  #isPending(at: number, tMs: number): boolean {
    const counted = this.#countedAt(at);
    return counted !== null && counted > tMs;
  }

  #quality(minute: CompositeMinute): number | null {
    return this.#composite.isAdjusted(minute.minuteMs) ? null : minute.quality;
  }

  /** Observed minutes of `[fromMs, toMs)`. */
  #minutesIn(fromMs: number, toMs: number): CompositeMinute[] {
    const minutes: CompositeMinute[] = [];
    for (let ms = fromMs; ms < toMs; ms += MINUTE_MS) {
      const minute = this.#minutes.get(ms);
      if (minute === undefined || !Number.isFinite(minute.evaluatedAtMs)) continue;
      if (this.#quality(minute) !== null) minutes.push(minute);
    }
    return minutes;
  }

  /** Since when the unit that ends at `at` counts; null where it is not known, and so at once. */
  #countedAt(at: number): number | null {
    const { timeslices, evaluated } = this.#composite;
    if (timeslices)
      return evaluated.slices.get(at) ?? (this.#instants.has(at) ? Number.POSITIVE_INFINITY : null);
    return this.#minutes.get(at - MINUTE_MS)?.evaluatedAtMs ?? null;
  }

  /** What the unit that ends at `at` costs, by place. */
  #losses(at: number, good: number): readonly number[] | null {
    const { timeslices, sliceMs } = this.#composite;
    if (timeslices) return good > 0 ? null : this.#sliceLosses(this.#minutesIn(at - sliceMs, at));
    const minute = this.#minutes.get(at - MINUTE_MS);
    return minute === undefined ? null : this.#shares(minute, totalWeight(minute));
  }

  /** One bad slice, split by what the components cost in its minutes. */
  #sliceLosses(minutes: readonly CompositeMinute[]): number[] {
    const costs = this.#byPlace([]).fill(0);
    for (const minute of minutes) {
      this.#shares(minute, 1).forEach((cost, i) => {
        costs[i] = (costs[i] ?? 0) + cost;
      });
    }
    const all = costs.reduce((sum, cost) => sum + cost, 0);
    return all === 0 ? costs : costs.map((cost) => cost / all);
  }

  #shares(minute: CompositeMinute, of: number): number[] {
    const shares = this.#byPlace([]).fill(0);
    for (const { key, weight, quality } of minute.components) {
      const place = this.#places.get(key);
      if (place !== undefined && quality !== null) shares[place] = (weight * (1 - quality)) / of;
    }
    return shares;
  }

  #byPlace(values: readonly (readonly [key: string, value: number])[]): number[] {
    const list: number[] = new Array(this.#places.size).fill(Number.NaN);
    for (const [key, value] of values) {
      const place = this.#places.get(key);
      if (place !== undefined) list[place] = value;
    }
    return list;
  }
}

/** NaN is null, and a list may have been shorter before components were added. */
function areSame(stored: readonly (number | null)[] | null, list: readonly number[] | null): boolean {
  return (list ?? []).every((value, i) => (Number.isNaN(value) ? null : value) === (stored?.[i] ?? null));
}

function totalWeight({ components }: CompositeMinute): number {
  return components.reduce((sum, { quality, weight }) => (quality === null ? sum : sum + weight), 0);
}
