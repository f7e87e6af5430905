import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { CompositeRule, DefinitionRevision, ResolvedComponent } from './definition.ts';
import { revisionAt } from './revision.ts';

/** What of a component a composite looks at, for a stretch of minutes. One element a minute in each list. */
export interface ComponentMinutes {
  /** Start of the component's first minute with data; null for none. */
  readonly firstDataMs: number | null;
  /** Start of its newest minute with data before the stretch; null for none. */
  readonly newestBeforeMs: number | null;
  /** Its share of good; NaN where there is none. */
  readonly quality: Float64Array;
  /** From when on the quality is known; Infinity for never. */
  readonly knownAt: Float64Array;
  /** From when on the minute is data of the component; Infinity for never. */
  readonly dataAt: Float64Array;
  /** Until when the minute is waited for in any case, as in a time slice that is not complete; 0 for not at all. */
  readonly openUntil: Float64Array;
  /** 1 where the minute lies in an adjustment of the component. */
  readonly adjusted: Uint8Array;
}

/** The stretch of minutes `[fromMs, untilMs)` of a composite, and what its components say of them. */
export interface CompositeStretch {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly revisions: readonly DefinitionRevision[];
  /** By `componentKey`. One whose SLO is gone is missing. */
  readonly components: ReadonlyMap<string, ComponentMinutes>;
}

/** 0 used, 1 counted as good, 2 counted as bad, 3 ignored or left out. */
export type WasDelayed = 0 | 1 | 2 | 3;

/** How a minute of a composite came out. */
export interface CompositeMinute {
  readonly minuteMs: number;
  /** From when on it counts; Infinity while it is waited for. */
  readonly evaluatedAtMs: number;
  /** The weighted mean; null where no component enters, and so nothing is observed. */
  readonly quality: number | null;
  /** In the order of the rule in force. */
  readonly components: readonly {
    readonly key: string;
    readonly weight: number;
    /** Null where it is left out. */
    readonly quality: number | null;
    readonly wasDelayed: WasDelayed;
  }[];
}

/** What was known of a composite at the end of a minute. */
export interface CompositeInstant {
  readonly atMs: number;
  /** Where burn-rate lookbacks end: earlier than `atMs` while the composite waits. */
  readonly lookbackEndMs: number;
  /** Seconds behind the newest data of any component, by key; none for a component without data yet. */
  readonly delays: ReadonlyMap<string, number>;
}

export interface EvaluatedComposite {
  /** One a minute of the stretch, from the first data of any component on. */
  readonly minutes: readonly CompositeMinute[];
  /** One a minute of the stretch, at its end. */
  readonly instants: readonly CompositeInstant[];
  /** Ends of the composite's time slices that are complete, and since when they count. */
  readonly slices: ReadonlyMap<number, number>;
}

/** What a component is known by through all revisions. */
export function componentKey({ sloId, objective }: Pick<ResolvedComponent, 'sloId' | 'objective'>): string {
  return `${sloId}/${objective}`;
}

/** Every component that a composite has or had, each once, in the order in which they came: their places for good. */
export function everyComponent(revisions: readonly DefinitionRevision[]): readonly ResolvedComponent[] {
  const known = new Map<string, ResolvedComponent>();
  for (const { composite } of revisions) {
    for (const component of composite?.components ?? []) {
      const key = componentKey(component);
      if (!known.has(key)) known.set(key, component);
    }
  }
  return [...known.values()];
}

/** How long after its end a minute may be waited for, at most: twice the delay, or the components' slices. */
export function waitingReach(revisions: readonly DefinitionRevision[], longestSliceMs: number): number {
  const delays = revisions.map(({ composite }) => composite?.maxDelayMs ?? 0);
  return 2 * Math.max(0, ...delays) + longestSliceMs + MINUTE_MS;
}

interface Entering {
  readonly component: ResolvedComponent;
  readonly key: string;
  readonly minutes: ComponentMinutes;
}

/**
 * Decides on the minutes of a composite, going through time minute by minute with what was known then. Each
 * minute is decided on once; its components then count by what is known of them now, even where that came after.
 * `sliceMs` is the length of the composite's own time slices, null where it has none.
 */
export function evaluateComposite(stretch: CompositeStretch, sliceMs: number | null): EvaluatedComposite {
  return new Evaluation(stretch, sliceMs).run();
}

class Evaluation {
  readonly #stretch: CompositeStretch;
  readonly #sliceMs: number;
  readonly #hasSlices: boolean;
  readonly #length: number;
  readonly #evaluatedAt: Float64Array;
  readonly #newest = new Map<string, number>();
  readonly #arrivals = new Map<number, (() => void)[]>();
  readonly #startMs: number;
  readonly #entering = new Map<CompositeRule, readonly Entering[]>();
  /** Minutes up to the horizon that are waited for, ascending. */
  #pending: number[] = [];
  #nextMs: number;
  /** The newest minute of which anything is known. */
  #horizonMs = Number.NEGATIVE_INFINITY;
  #newestEvaluatedMs = Number.NEGATIVE_INFINITY;

  constructor(stretch: CompositeStretch, sliceMs: number | null) {
    this.#stretch = stretch;
    this.#sliceMs = sliceMs ?? MINUTE_MS;
    this.#hasSlices = sliceMs !== null;
    this.#length = Math.max(0, (stretch.untilMs - stretch.fromMs) / MINUTE_MS);
    this.#evaluatedAt = new Float64Array(this.#length).fill(Number.POSITIVE_INFINITY);
    this.#startMs = Math.min(
      ...[...stretch.components.values()].map(({ firstDataMs }) => firstDataMs ?? Number.POSITIVE_INFINITY),
    );
    this.#nextMs = Math.max(stretch.fromMs, this.#startMs);
    for (const [key, minutes] of stretch.components) this.#expect(key, minutes);
  }

  run(): EvaluatedComposite {
    const { fromMs, untilMs } = this.#stretch;
    const instants: CompositeInstant[] = [];
    const slices = new Map<number, number>();
    let openSlices: number[] = [];
    // Of slices of which nothing is known there may be any number; they come in when something is.
    let nextSlice = floorTo(fromMs, this.#sliceMs) + this.#sliceMs;
    for (let atMs = fromMs + MINUTE_MS; atMs <= untilMs; atMs += MINUTE_MS) {
      for (const arrive of this.#arrivals.get(atMs) ?? []) arrive();
      for (; this.#nextMs <= this.#horizonMs && this.#nextMs < atMs; this.#nextMs += MINUTE_MS) {
        this.#pending.push(this.#nextMs);
      }
      this.#pending = this.#pending.filter((minuteMs) => this.#isWaitedFor(minuteMs, atMs));
      const isBehind = this.#nextMs < atMs && this.#mayStillCome(atMs);
      const waits = this.#pending.length > 0 || isBehind;
      instants.push({
        atMs,
        // Before anything was decided on, there is nothing to look back on.
        lookbackEndMs: waits
          ? Math.min(atMs, Math.max(this.#startMs, this.#newestEvaluatedMs + MINUTE_MS))
          : atMs,
        delays: this.#delays(),
      });
      if (!this.#hasSlices) continue;
      for (; nextSlice <= atMs && nextSlice - this.#sliceMs < this.#nextMs; nextSlice += this.#sliceMs) {
        openSlices.push(nextSlice);
      }
      openSlices = openSlices.filter((endMs) => {
        if (!this.#isSliceDecided(endMs, atMs, isBehind)) return true;
        slices.set(endMs, atMs);
        return false;
      });
    }
    return { minutes: this.#minutes(), instants, slices };
  }

  /** Puts down when what is known of a component becomes known. */
  #expect(key: string, { newestBeforeMs, dataAt, quality, knownAt }: ComponentMinutes): void {
    if (newestBeforeMs !== null) {
      this.#newest.set(key, newestBeforeMs);
      this.#horizonMs = Math.max(this.#horizonMs, newestBeforeMs);
    }
    const at = (ms: number, arrive: () => void): void => {
      if (!Number.isFinite(ms)) return;
      const list = this.#arrivals.get(ms);
      if (list === undefined) this.#arrivals.set(ms, [arrive]);
      else list.push(arrive);
    };
    for (let k = 0; k < this.#length; k += 1) {
      const minuteMs = this.#stretch.fromMs + k * MINUTE_MS;
      at(dataAt[k] ?? Number.POSITIVE_INFINITY, () => {
        this.#newest.set(key, Math.max(this.#newest.get(key) ?? minuteMs, minuteMs));
        this.#horizonMs = Math.max(this.#horizonMs, minuteMs);
      });
      if (Number.isNaN(quality[k])) continue;
      // A minute of a slice that was observed has a quality without data of its own.
      at(knownAt[k] ?? Number.POSITIVE_INFINITY, () => {
        this.#horizonMs = Math.max(this.#horizonMs, minuteMs);
      });
    }
  }

  #enteringIn(minuteMs: number): readonly Entering[] {
    const { composite } = revisionAt(this.#stretch.revisions, minuteMs);
    if (composite === undefined) return [];
    const known = this.#entering.get(composite);
    if (known !== undefined) return known;
    const entering = composite.components.flatMap((component) => {
      const key = componentKey(component);
      const minutes = this.#stretch.components.get(key);
      return minutes === undefined ? [] : [{ component, key, minutes }];
    });
    this.#entering.set(composite, entering);
    return entering;
  }

  #maxDelayMs(minuteMs: number): number {
    return revisionAt(this.#stretch.revisions, minuteMs).composite?.maxDelayMs ?? 0;
  }

  get #newestOfAll(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.#newest.values());
  }

  /** Whether a composite that has seen nothing of its last minutes waits for them. */
  #mayStillCome(atMs: number): boolean {
    if (atMs - this.#newestOfAll > this.#maxDelayMs(this.#nextMs)) return false;
    for (let minuteMs = this.#nextMs; minuteMs < atMs; minuteMs += MINUTE_MS) {
      const k = (minuteMs - this.#stretch.fromMs) / MINUTE_MS;
      const entering = this.#enteringIn(minuteMs);
      if (entering.some((one) => this.#isWaitingFor(one, minuteMs, k, atMs))) return true;
    }
    return false;
  }

  #isWaitedFor(minuteMs: number, atMs: number): boolean {
    const k = (minuteMs - this.#stretch.fromMs) / MINUTE_MS;
    if (this.#enteringIn(minuteMs).some((entering) => this.#isWaitingFor(entering, minuteMs, k, atMs))) {
      return true;
    }
    this.#evaluatedAt[k] = atMs;
    this.#newestEvaluatedMs = Math.max(this.#newestEvaluatedMs, minuteMs);
    return false;
  }

  #isWaitingFor({ key, minutes }: Entering, minuteMs: number, k: number, atMs: number): boolean {
    if (minutes.firstDataMs === null || minuteMs < minutes.firstDataMs || minutes.adjusted[k] === 1)
      return false;
    if ((minutes.openUntil[k] ?? 0) > atMs) return true;
    if ((minutes.knownAt[k] ?? Number.POSITIVE_INFINITY) <= atMs && !Number.isNaN(minutes.quality[k]))
      return false;
    if ((minutes.dataAt[k] ?? Number.POSITIVE_INFINITY) <= atMs) return false;
    const newest = this.#newest.get(key) ?? Number.NEGATIVE_INFINITY;
    if (newest > minuteMs) return false;
    const maxDelayMs = this.#maxDelayMs(minuteMs);
    return this.#newestOfAll - newest <= maxDelayMs && atMs - this.#newestOfAll <= maxDelayMs;
  }

  #delays(): ReadonlyMap<string, number> {
    const newest = this.#newestOfAll;
    return new Map([...this.#newest].map(([key, ms]) => [key, (newest - ms) / 1000]));
  }

  /** Complete, with nothing in it that is waited for, and something that was decided on. */
  #isSliceDecided(endMs: number, atMs: number, isBehind: boolean): boolean {
    let any = false;
    for (let minuteMs = endMs - this.#sliceMs; minuteMs < endMs; minuteMs += MINUTE_MS) {
      const k = (minuteMs - this.#stretch.fromMs) / MINUTE_MS;
      if (minuteMs < this.#startMs || k < 0) continue;
      if ((this.#evaluatedAt[k] ?? Number.POSITIVE_INFINITY) <= atMs) any = true;
      else if (minuteMs < this.#nextMs || isBehind) return false;
    }
    return any;
  }

  #minutes(): CompositeMinute[] {
    const minutes: CompositeMinute[] = [];
    for (let k = 0; k < this.#length; k += 1) {
      const minuteMs = this.#stretch.fromMs + k * MINUTE_MS;
      if (minuteMs < this.#startMs) continue;
      const components = this.#enteringIn(minuteMs).map((entering) => entered(entering, minuteMs, k));
      let good = 0;
      let weight = 0;
      for (const one of components) {
        if (one.quality === null) continue;
        good += one.weight * one.quality;
        weight += one.weight;
      }
      const evaluatedAtMs = this.#evaluatedAt[k] ?? Number.POSITIVE_INFINITY;
      minutes.push({ minuteMs, evaluatedAtMs, quality: weight === 0 ? null : good / weight, components });
    }
    return minutes;
  }
}

/** How a component enters a minute that has been decided on. */
function entered(
  { component, key, minutes }: Entering,
  minuteMs: number,
  k: number,
): CompositeMinute['components'][number] {
  const { weight, whenDelayed } = component;
  const leftOut = { key, weight, quality: null, wasDelayed: 3 } as const;
  if (minutes.firstDataMs === null || minuteMs < minutes.firstDataMs || minutes.adjusted[k] === 1)
    return leftOut;
  const quality = minutes.quality[k] ?? Number.NaN;
  if (!Number.isNaN(quality)) return { key, weight, quality, wasDelayed: 0 };
  if (Number.isFinite(minutes.dataAt[k] ?? Number.POSITIVE_INFINITY)) return leftOut;
  switch (whenDelayed) {
    case 'count_as_good':
      return { key, weight, quality: 1, wasDelayed: 1 };
    case 'count_as_bad':
      return { key, weight, quality: 0, wasDelayed: 2 };
    case 'ignore':
      return leftOut;
  }
}
