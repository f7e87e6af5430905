import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { CompositeImpacts } from './composite-impacts.ts';
import { CompositeUnits, type CountedComposite } from './composite-units.ts';
import { type PendingUnit, sumsSeenAt } from './composite-view.ts';
import type { DefinitionRevision } from './definition.ts';
import { revisionAt } from './revision.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import type { SettledMinute } from './settle.ts';
import type { ObjectiveStatus, Sums } from './status.ts';

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

export interface WalkedComposite extends CountedComposite {
  readonly revisions: readonly DefinitionRevision[];
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
  readonly #revisions: readonly DefinitionRevision[];
  readonly #units: CompositeUnits;
  readonly #impacts: CompositeImpacts;
  #pending: PendingUnit[] = [];

  constructor(composite: WalkedComposite) {
    this.#revisions = composite.revisions;
    this.#units = new CompositeUnits(composite);
    this.#impacts = new CompositeImpacts(this.#units, composite.revisions);
  }

  /** The minutes from `fromMs` on as they are to stand. */
  changes(fromMs: number): SettledMinute[] {
    return this.#units.all.flatMap((minute) => {
      if (minute.minuteMs < fromMs) return [];
      const isEvaluated = Number.isFinite(minute.evaluatedAtMs);
      const good = isEvaluated ? this.#units.quality(minute) : null;
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
    this.#impacts.load(at, pairs);
  }

  /** Whether a row says of its minute, and of what was known at its end, what it should. */
  isSame(at: number, minute: SettledMinute, row: StoredCompositeRow | null): boolean {
    const columns = this.columns(at, null, null);
    if (row === null) return minute.used === null && !minute.dataUnused && !this.waits(at);
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
    const { timeslices, sliceMs, all } = this.#units;
    const step = timeslices ? sliceMs : MINUTE_MS;
    const first = all[0]?.minuteMs ?? at;
    for (let end = floorTo(first, step) + step; end < at; end += step) {
      const counted = this.#units.countedAt(end);
      if (counted === null || counted < at || !Number.isFinite(counted)) continue;
      const unit = this.#units.unit(end, sliceTargetAt(end));
      if (unit !== null) this.#hold(end, counted, unit);
    }
  }

  /** Whether the slice that ends at `at` is still waited for. */
  isOpen(at: number): boolean {
    return this.#units.timeslices && this.#units.countedAt(at) === Number.POSITIVE_INFINITY;
  }

  /** Whether the composite waits at `at`, so that its lookbacks end earlier: a row has to say so, even of an empty window. */
  waits(at: number): boolean {
    return (this.#units.instant(at)?.lookbackEndMs ?? at) < at;
  }

  /** Takes note of what was counted at `at`. */
  push(at: number, good: number, total: number): void {
    const counted = this.#units.countedAt(at);
    if (total > 0 && counted !== null && counted > at) this.#hold(at, counted, { good, total });
    this.#impacts.push(at, good, total);
    this.#pending = this.#pending.filter(({ countedAtMs }) => countedAtMs > at);
  }

  #hold(at: number, countedAtMs: number, unit: Sums): void {
    this.#pending.push({ at, countedAtMs, ...unit });
    this.#impacts.hold(at, countedAtMs, unit.good);
  }

  /** The sums and options of a status at `at`. */
  view(
    at: number,
    sums: SumsBetween,
    options: StatusOptions,
  ): { readonly sums: SumsBetween; readonly options: StatusOptions } {
    const { sliceMs } = this.#units;
    const lookbackEndMs = this.#units.instant(at)?.lookbackEndMs ?? at;
    const { straddle, ...rest } = options;
    const hidesStraddle =
      straddle !== undefined &&
      options.window !== undefined &&
      this.#units.isPending(floorTo(options.window.startMs, sliceMs) + sliceMs, at);
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
    const minute = this.#units.minute(at);
    const instant = this.#units.instant(at);
    const later = (ms: number | null | undefined): number | null =>
      ms === null || ms === undefined || ms === at || !Number.isFinite(ms) ? null : ms;
    const evaluatedAtMs = minute?.evaluatedAtMs ?? Number.POSITIVE_INFINITY;
    const judged = Number.isFinite(evaluatedAtMs) ? (minute?.components ?? []) : [];
    return {
      evaluatedAtMs: later(evaluatedAtMs),
      countedAtMs: later(this.#units.countedAt(at)),
      lookbackEndMs: later(instant?.lookbackEndMs),
      maxDelaySeconds: (revisionAt(this.#revisions, at - MINUTE_MS).composite?.maxDelayMs ?? 0) / 1000,
      impact: rule === null || status === null ? null : this.#impacts.shares(at, rule, status),
      delay: this.#impacts.byPlace([...(instant?.delays ?? [])]),
      wasDelayed: this.#impacts.byPlace(judged.map(({ key, wasDelayed }) => [key, wasDelayed])),
      loss: this.#impacts.last,
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
      loss: this.#impacts.last,
    };
  }
}

/** NaN is null, and a list may have been shorter before components were added. */
function areSame(stored: readonly (number | null)[] | null, list: readonly number[] | null): boolean {
  return (list ?? []).every((value, i) => (Number.isNaN(value) ? null : value) === (stored?.[i] ?? null));
}
