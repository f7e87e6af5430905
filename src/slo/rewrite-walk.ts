import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { RevisedSlo } from './revision.ts';
import { ruleSegments, sliceTargetAt } from './revision.ts';
import type { ObjectiveRule, StraddleSums } from './rule.ts';
import { straddlingSlice } from './rule.ts';
import type { Sums } from './status.ts';
import { createWindowFinder, type ResolvedWindow } from './window.ts';

/** Used sums of the slice that is being walked through. */
export class SliceSums {
  readonly #sliceMs: number;
  #end = Number.NEGATIVE_INFINITY;
  #good = 0;
  #total = 0;

  constructor(sliceMs: number) {
    this.#sliceMs = sliceMs;
  }

  add(at: number, good: number, total: number): void {
    const end = floorTo(at - 1, this.#sliceMs) + this.#sliceMs;
    if (end !== this.#end) {
      this.#end = end;
      this.#good = 0;
      this.#total = 0;
    }
    this.#good += good;
    this.#total += total;
  }

  good(endMs: number): number {
    return endMs === this.#end ? this.#good : 0;
  }

  total(endMs: number): number {
    return endMs === this.#end ? this.#total : 0;
  }
}

/** Used sums of slices that straddle the start of a window, by that start. */
export class Straddles {
  readonly #slo: RevisedSlo;
  readonly #objective: string;
  readonly #sums: Map<number, Sums>;
  readonly #later: readonly ResolvedWindow[];

  /**
   * `straddles`: what is known of slices that were walked through before. `later`: windows that come into force on
   * the way, and may begin before that.
   */
  constructor(
    {
      slo,
      objective,
      straddles,
    }: Pick<RuledSpan, 'slo' | 'objective'> & { readonly straddles: ReadonlyMap<number, Sums> },
    later: readonly ResolvedWindow[],
  ) {
    this.#slo = slo;
    this.#objective = objective;
    this.#sums = new Map(straddles);
    this.#later = later.filter((window) => straddlingSlice(window, slo.sliceMs) !== null);
  }

  /** Counts a minute that ends at `at`, in the window that is in force then. */
  add(inForce: ResolvedWindow, at: number, used: Sums): void {
    this.#addTo(inForce, at, used);
    for (const window of this.#later) {
      if (window.startMs !== inForce.startMs) this.#addTo(window, at, used);
    }
  }

  #addTo(window: ResolvedWindow, at: number, used: Sums): void {
    // The minute ends at `at`; at a period's very start the window found is already the next one.
    const slice = straddlingSlice(window, this.#slo.sliceMs);
    if (slice === null || at <= slice.fromMs || at > slice.toMs) return;
    const before = this.#sums.get(window.startMs);
    this.#sums.set(window.startMs, {
      good: (before?.good ?? 0) + used.good,
      total: (before?.total ?? 0) + used.total,
    });
  }

  of(window: ResolvedWindow): StraddleSums | undefined {
    const sums = this.#sums.get(window.startMs);
    const slice = straddlingSlice(window, this.#slo.sliceMs);
    if (sums === undefined || slice === null) return undefined;
    return { ...sums, ...sliceTargetAt(this.#slo.revisions, this.#objective, slice.toMs) };
  }
}

interface RuledSpan {
  readonly slo: RevisedSlo;
  readonly objective: string;
  /** The first and the last instant that will be asked for. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The rule and the window in force at instants that ascend. */
export class RuleCursor {
  readonly #segments: readonly {
    readonly fromMs: number;
    readonly toMs: number;
    readonly rule: ObjectiveRule;
    readonly windowAt: (tMs: number) => ResolvedWindow;
  }[];
  #index = 0;

  constructor({ slo, objective, fromMs, untilMs }: RuledSpan) {
    this.#segments = ruleSegments(slo, objective, fromMs, untilMs + 1).map((segment) => ({
      ...segment,
      windowAt: createWindowFinder(segment.rule.timeWindow),
    }));
  }

  /** The window with which each rule but the first begins. Periods that begin later begin under their own rule. */
  get firstWindows(): ResolvedWindow[] {
    const windows = this.#segments.slice(1).map(({ fromMs, windowAt }) => windowAt(fromMs));
    return windows.filter(({ startMs }, i) => windows.findIndex((one) => one.startMs === startMs) === i);
  }

  at(ms: number): ObjectiveRule | null {
    while ((this.#segments[this.#index]?.toMs ?? Number.POSITIVE_INFINITY) <= ms) this.#index += 1;
    const segment = this.#segments[this.#index];
    return segment === undefined || segment.fromMs > ms ? null : segment.rule;
  }

  /** The first minute under another rule. */
  nextChange(ms: number): number {
    const next = this.#segments.find((segment) => segment.fromMs > ms);
    return next === undefined ? Number.POSITIVE_INFINITY : Math.ceil(next.fromMs / MINUTE_MS) * MINUTE_MS;
  }

  /** Of the segment that `at` found last; a window of no length where there is no rule. */
  window(ms: number): ResolvedWindow {
    const segment = this.#segments[this.#index];
    return segment?.windowAt(ms) ?? { startMs: ms, endMs: ms, lengthMs: 0, rolling: true };
  }
}
