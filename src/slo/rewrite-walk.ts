import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { RevisedSlo } from './revision.ts';
import { ruleSegments } from './revision.ts';
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

/** Used sums, by the start of the window, of slices that straddle it. */
export class Straddles {
  readonly #sums: Map<number, StraddleSums>;

  constructor(before: ReadonlyMap<number, StraddleSums>) {
    this.#sums = new Map(before);
  }

  add(window: ResolvedWindow, at: number, used: Sums, rule: ObjectiveRule | null, sliceMs: number): void {
    // The minute ends at `at`; at a period's very start the window found is already the next one.
    const slice = straddlingSlice(window, sliceMs);
    if (slice === null || at <= slice.fromMs || at > slice.toMs) return;
    const before = this.#sums.get(window.startMs);
    const timeSliceTarget = rule?.objective.timeSliceTarget;
    this.#sums.set(window.startMs, {
      ...before,
      ...(timeSliceTarget === null || timeSliceTarget === undefined ? {} : { timeSliceTarget }),
      good: (before?.good ?? 0) + used.good,
      total: (before?.total ?? 0) + used.total,
    });
  }

  of(startMs: number): StraddleSums | undefined {
    return this.#sums.get(startMs);
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
