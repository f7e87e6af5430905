import { allowedErrorRatio } from './budget.ts';
import { type CompositeMinute, componentKey, everyComponent } from './composite.ts';
import type { CompositeUnits } from './composite-units.ts';
import type { DefinitionRevision } from './definition.ts';
import { LossTotals } from './loss-totals.ts';
import { objectiveAt } from './revision.ts';
import type { ObjectiveRule } from './rule.ts';
import { lastInstant, slicesOf, straddlingSlice, windowInstant } from './rule.ts';
import type { ObjectiveStatus } from './status.ts';
import type { ResolvedWindow } from './window.ts';

interface PendingLosses {
  readonly at: number;
  readonly countedAtMs: number;
  readonly losses: readonly number[];
}

/** What each component of a composite has cost, counted on row by row. Lists have one element a component. */
export class CompositeImpacts {
  readonly #units: CompositeUnits;
  readonly #revisions: readonly DefinitionRevision[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #totals: LossTotals;
  #pending: PendingLosses[] = [];

  constructor(units: CompositeUnits, revisions: readonly DefinitionRevision[]) {
    this.#units = units;
    this.#revisions = revisions;
    this.#places = new Map(everyComponent(revisions).map((component, i) => [componentKey(component), i]));
    this.#totals = new LossTotals(this.#places.size);
  }

  /** What was lost in all up to the newest row, as it is stored. */
  get last(): number[] {
    return this.#totals.last;
  }

  /** Takes what was lost up to a row before the first that is counted on. */
  load(at: number, pairs: readonly (number | null)[]): void {
    this.#totals.load(at, pairs);
  }

  /** Takes note of what was counted at `at`. */
  push(at: number, good: number, total: number): void {
    this.#totals.push(at, total > 0 ? this.#losses(at, good) : null);
    this.#pending = this.#pending.filter(({ countedAtMs }) => countedAtMs > at);
  }

  /** The unit that ends at `at` does not count before `countedAtMs`. */
  hold(at: number, countedAtMs: number, good: number): void {
    const losses = this.#losses(at, good);
    if (losses !== null) this.#pending.push({ at, countedAtMs, losses });
  }

  /** The shares of the window's error budget; null where nothing was observed. */
  shares(at: number, rule: ObjectiveRule, status: ObjectiveStatus): number[] | null {
    if (status.reliability === null || status.countTotal === null) return null;
    const { window } = status;
    const fromMs = windowInstant(rule, window);
    const toMs = lastInstant(rule, at);
    const lost = this.#totals.between(Math.min(fromMs, toMs), toMs);
    const add = (losses: readonly number[], sign: 1 | -1): void => {
      losses.forEach((loss, i) => {
        lost[i] = (lost[i] ?? 0) + sign * loss;
      });
    };
    for (const unit of this.#pending) {
      if (unit.at > fromMs && unit.at <= toMs && unit.countedAtMs > at) add(unit.losses, -1);
    }
    add(this.#straddle(at, rule, window), 1);
    const whole = this.#units.timeslices ? slicesOf(window, this.#units.sliceMs) : status.observed;
    const allowed = allowedErrorRatio(rule.objective.target) * whole;
    return lost.map((loss) => Math.max(0, loss) / allowed);
  }

  /** By place, NaN for those that are not named. */
  byPlace(values: readonly (readonly [key: string, value: number])[]): number[] {
    const list: number[] = new Array(this.#places.size).fill(Number.NaN);
    for (const [key, value] of values) {
      const place = this.#places.get(key);
      if (place !== undefined) list[place] = value;
    }
    return list;
  }

  /** What the first slice of a calendar window, that begins before it, costs by its minutes in the window. */
  #straddle(at: number, rule: ObjectiveRule, window: ResolvedWindow): readonly number[] {
    const units = this.#units;
    const slice = units.timeslices ? straddlingSlice(window, rule.sliceMs) : null;
    if (slice === null || slice.toMs > at || units.isPending(slice.toMs, at)) return [];
    const inForce = objectiveAt(this.#revisions, rule.objective.name, slice.toMs) ?? rule.objective;
    const minutes = units.minutesIn(slice.fromMs, slice.toMs);
    if (minutes.length === 0 || units.areGood(minutes, inForce.timeSliceTarget ?? 1)) return [];
    return this.#sliceLosses(minutes);
  }

  /** What the unit that ends at `at` costs; null for nothing. */
  #losses(at: number, good: number): readonly number[] | null {
    const { timeslices, sliceMs } = this.#units;
    if (timeslices) return good > 0 ? null : this.#sliceLosses(this.#units.minutesIn(at - sliceMs, at));
    const minute = this.#units.minute(at);
    return minute === undefined ? null : this.#costs(minute, totalWeight(minute));
  }

  /** One bad slice, split by what the components cost in its minutes. */
  #sliceLosses(minutes: readonly CompositeMinute[]): number[] {
    const costs: number[] = new Array(this.#places.size).fill(0);
    for (const minute of minutes) {
      this.#costs(minute, 1).forEach((cost, i) => {
        costs[i] = (costs[i] ?? 0) + cost;
      });
    }
    const all = costs.reduce((sum, cost) => sum + cost, 0);
    return all === 0 ? costs : costs.map((cost) => cost / all);
  }

  #costs(minute: CompositeMinute, of: number): number[] {
    const costs: number[] = new Array(this.#places.size).fill(0);
    for (const { key, weight, quality } of minute.components) {
      const place = this.#places.get(key);
      if (place !== undefined && quality !== null) costs[place] = (weight * (1 - quality)) / of;
    }
    return costs;
  }
}

function totalWeight({ components }: CompositeMinute): number {
  return components.reduce((sum, { quality, weight }) => (quality === null ? sum : sum + weight), 0);
}
