import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import {
  type ComponentMinutes,
  type CompositeInstant,
  type CompositeMinute,
  type CompositeStretch,
  componentKey,
  type Entering,
  type EvaluatedComposite,
  mixMinute,
} from './composite.ts';

/** A part of the stretch in which one rule is in force: the minutes `[fromMs, untilMs)`. */
interface Reign {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly maxDelayMs: number;
  readonly entering: readonly Entering[];
  /** The newest minute of the reign of which each component has a quality, by key. */
  readonly judged: Map<string, number>;
  /** The first minute of which no component knows anything yet. */
  nextMs: number;
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
  readonly #sliceMs: number | null;
  readonly #evaluatedAt: Float64Array;
  /** The newest data of each component, by key. */
  readonly #newest = new Map<string, number>();
  readonly #arrivals = new Map<number, (() => void)[]>();
  readonly #startMs: number;
  readonly #reigns: readonly Reign[];
  /** Minutes of which something is known and that are waited for, ascending, with their rules. */
  #pending: { readonly minuteMs: number; readonly reign: Reign }[] = [];
  /** Ends of time slices that hold such minutes and are not complete. */
  readonly #openSlices = new Set<number>();
  /** Ends of those that are, and since when. */
  readonly #slices = new Map<number, number>();
  #newestEvaluatedMs = Number.NEGATIVE_INFINITY;

  constructor(stretch: CompositeStretch, sliceMs: number | null) {
    this.#stretch = stretch;
    this.#sliceMs = sliceMs;
    const length = Math.max(0, (stretch.untilMs - stretch.fromMs) / MINUTE_MS);
    this.#evaluatedAt = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
    this.#reigns = reignsOf(stretch);
    this.#startMs = Math.min(...this.#reigns.map(({ nextMs }) => nextMs));
    for (const [key, minutes] of stretch.components) this.#expect(key, minutes, length);
  }

  run(): EvaluatedComposite {
    const { fromMs, untilMs } = this.#stretch;
    const instants: CompositeInstant[] = [];
    for (let atMs = fromMs + MINUTE_MS; atMs <= untilMs; atMs += MINUTE_MS) {
      for (const arrive of this.#arrivals.get(atMs) ?? []) arrive();
      for (const reign of this.#reigns) this.#reach(reign, atMs);
      this.#pending = this.#pending.filter((one) => this.#isUndecided(one, atMs));
      const waits = this.#pending.length > 0 || this.#reigns.some((reign) => this.#mayStillCome(reign, atMs));
      instants.push({
        atMs,
        // Before anything was decided on, there is nothing to look back on.
        lookbackEndMs: waits
          ? Math.min(atMs, Math.max(this.#startMs, this.#newestEvaluatedMs + MINUTE_MS))
          : atMs,
        delays: this.#delays(atMs),
      });
      for (const endMs of this.#openSlices) {
        if (endMs > atMs || !this.#isSliceDecided(endMs, atMs)) continue;
        this.#slices.set(endMs, atMs);
        this.#openSlices.delete(endMs);
      }
    }
    return { minutes: this.#minutes(), instants, slices: this.#slices };
  }

  /** Puts down when what is known of a component becomes known. */
  #expect(key: string, { newestBeforeMs, dataAt, quality, knownAt }: ComponentMinutes, length: number): void {
    const reach = (known: Map<string, number> | undefined, minuteMs: number): void => {
      known?.set(key, Math.max(known.get(key) ?? minuteMs, minuteMs));
    };
    if (newestBeforeMs !== null) reach(this.#newest, newestBeforeMs);
    const at = (ms: number, arrive: () => void): void => {
      if (!Number.isFinite(ms)) return;
      const list = this.#arrivals.get(ms);
      if (list === undefined) this.#arrivals.set(ms, [arrive]);
      else list.push(arrive);
    };
    for (let k = 0; k < length; k += 1) {
      const minuteMs = this.#stretch.fromMs + k * MINUTE_MS;
      at(dataAt[k] ?? Number.POSITIVE_INFINITY, () => reach(this.#newest, minuteMs));
      // A minute of a slice that was observed has a quality without data of its own, by the rule over it alone.
      if (!Number.isNaN(quality[k])) {
        const judged = this.#reignOver(minuteMs)?.judged;
        at(knownAt[k] ?? Number.POSITIVE_INFINITY, () => reach(judged, minuteMs));
      }
    }
  }

  /** Takes up the minutes of which something is known by now. */
  #reach(reign: Reign, atMs: number): void {
    const horizonMs = Math.max(newestOf(this.#newest, reign), newestOf(reign.judged, reign));
    for (
      ;
      reign.nextMs <= horizonMs && reign.nextMs < Math.min(atMs, reign.untilMs);
      reign.nextMs += MINUTE_MS
    ) {
      this.#pending.push({ minuteMs: reign.nextMs, reign });
      if (this.#sliceMs === null) continue;
      const endMs = floorTo(reign.nextMs, this.#sliceMs) + this.#sliceMs;
      if (!this.#slices.has(endMs)) this.#openSlices.add(endMs);
    }
  }

  #index(minuteMs: number): number {
    return (minuteMs - this.#stretch.fromMs) / MINUTE_MS;
  }

  #isUndecided({ minuteMs, reign }: { minuteMs: number; reign: Reign }, atMs: number): boolean {
    if (this.#isWaitedFor(reign, minuteMs, atMs)) return true;
    this.#evaluatedAt[this.#index(minuteMs)] = atMs;
    this.#newestEvaluatedMs = Math.max(this.#newestEvaluatedMs, minuteMs);
    return false;
  }

  /** Whether a composite that has seen nothing of its last minutes waits for any of them. */
  #mayStillCome(reign: Reign, atMs: number): boolean {
    if (atMs - newestOf(this.#newest, reign) > reign.maxDelayMs) return false;
    for (let minuteMs = reign.nextMs; minuteMs < Math.min(atMs, reign.untilMs); minuteMs += MINUTE_MS) {
      if (this.#isWaitedFor(reign, minuteMs, atMs)) return true;
    }
    return false;
  }

  #isWaitedFor(reign: Reign, minuteMs: number, atMs: number): boolean {
    const newestMs = newestOf(this.#newest, reign);
    // When all components are silent there are no new minutes.
    if (minuteMs >= reign.nextMs && atMs - newestMs > reign.maxDelayMs) return false;
    const k = this.#index(minuteMs);
    return reign.entering.some(({ key, minutes }) => {
      const { firstDataMs, adjusted, openUntil, knownAt, quality, dataAt } = minutes;
      if (firstDataMs === null || minuteMs < firstDataMs || adjusted[k] === 1) return false;
      if ((openUntil[k] ?? 0) > atMs) return true;
      if ((knownAt[k] ?? Number.POSITIVE_INFINITY) <= atMs && !Number.isNaN(quality[k])) return false;
      if ((dataAt[k] ?? Number.POSITIVE_INFINITY) <= atMs) return false;
      const ownMs = this.#newest.get(key) ?? Number.NEGATIVE_INFINITY;
      if (ownMs > minuteMs) return false;
      return newestMs - ownMs <= reign.maxDelayMs && atMs - newestMs <= reign.maxDelayMs;
    });
  }

  #reignOver(minuteMs: number): Reign | undefined {
    return this.#reigns.findLast(({ fromMs }) => fromMs <= minuteMs);
  }

  #delays(atMs: number): ReadonlyMap<string, number> {
    const reign = this.#reignOver(atMs - MINUTE_MS);
    if (reign === undefined) return new Map();
    const newestMs = newestOf(this.#newest, reign);
    return new Map(
      reign.entering.flatMap(({ key }) => {
        const ownMs = this.#newest.get(key);
        return ownMs === undefined ? [] : [[key, (newestMs - ownMs) / 1000]];
      }),
    );
  }

  /** Complete, with nothing in it that is waited for, and something that was decided on. */
  #isSliceDecided(endMs: number, atMs: number): boolean {
    let any = false;
    for (let minuteMs = endMs - (this.#sliceMs ?? 0); minuteMs < endMs; minuteMs += MINUTE_MS) {
      if (minuteMs < this.#startMs) continue;
      if ((this.#evaluatedAt[this.#index(minuteMs)] ?? Number.POSITIVE_INFINITY) <= atMs) any = true;
      else {
        const reign = this.#reignOver(minuteMs);
        if (reign !== undefined && this.#isWaitedFor(reign, minuteMs, atMs)) return false;
      }
    }
    return any;
  }

  #minutes(): CompositeMinute[] {
    return [...this.#evaluatedAt].flatMap((evaluatedAtMs, k) => {
      const minuteMs = this.#stretch.fromMs + k * MINUTE_MS;
      if (minuteMs < this.#startMs) return [];
      return [
        { minuteMs, evaluatedAtMs, ...mixMinute(this.#reignOver(minuteMs)?.entering ?? [], minuteMs, k) },
      ];
    });
  }
}

/** The rules in force over the stretch, each from the first data of one of its components on. */
function reignsOf({ fromMs, untilMs, revisions, components }: CompositeStretch): Reign[] {
  return revisions.flatMap(({ composite, ...revision }, i) => {
    const first = i === 0 ? fromMs : Math.max(fromMs, ceilMinute(revision.fromMs));
    const next = revisions[i + 1];
    const until = next === undefined ? untilMs : Math.min(untilMs, ceilMinute(next.fromMs));
    if (composite === undefined || first >= until) return [];
    const entering = composite.components.flatMap((component) => {
      const key = componentKey(component);
      const minutes = components.get(key);
      return minutes === undefined ? [] : [{ component, key, minutes }];
    });
    const firstData = entering.map(({ minutes }) => minutes.firstDataMs ?? Number.POSITIVE_INFINITY);
    const startMs = Math.max(first, Math.min(...firstData));
    const nextMs = startMs < until ? startMs : Number.POSITIVE_INFINITY;
    return [
      {
        fromMs: first,
        untilMs: until,
        maxDelayMs: composite.maxDelayMs,
        entering,
        judged: new Map(),
        nextMs,
      },
    ];
  });
}

function newestOf(known: ReadonlyMap<string, number>, { entering }: Reign): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { key } of entering) newest = Math.max(newest, known.get(key) ?? newest);
  return newest;
}

/** A change of the rule applies to the minutes that begin after it. */
const ceilMinute = (ms: number): number => Math.ceil(ms / MINUTE_MS) * MINUTE_MS;
