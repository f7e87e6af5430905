import type { Sli } from './definition.ts';
import type { RevisedSlo } from './revision.ts';
import { objectiveAt } from './revision.ts';
import {
  addCounterPoint,
  addRatioPoint,
  addThresholdPoint,
  createMinute,
  type MinuteAccumulator,
  type MinuteReceived,
  mergeReceived,
  minuteOf,
  type Point,
  receivedOf,
} from './sli.ts';

export interface MeasuredSlo extends RevisedSlo {
  readonly sli: Sli;
  readonly objectives: readonly { readonly name: string }[];
}

/** How the points of a body count together. */
export type Grouping =
  /** All points of a minute, wherever they stand: one request. */
  | 'request'
  /** Those with no other minute of the same objective between them; a minute that comes again replaces. */
  | 'stream';

/**
 * Turns the points of one SLO into what was received for its objectives' minutes. It can be drained and go on:
 * a minute that is still being added to is then reported again, as a whole.
 */
export class MinuteStream {
  readonly #grouping: Grouping;
  readonly #objectives = new Map<string, ObjectiveMinutes>();

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  /** Adds a point that `readPoint` has read for this SLO. An objective starts at its creation. */
  add(slo: MeasuredSlo, point: Point): void {
    for (const { name } of slo.objectives) {
      if (point.objective !== null && point.objective !== name) continue;
      const objective = objectiveAt(slo.revisions, name, point.atMs);
      if (objective === null) continue;
      const minute = this.#minutesOf(name).open(minuteOf(point.atMs));
      if (slo.sli.type === 'ratio') {
        if (slo.sli.incremental) addCounterPoint(minute, point);
        else addRatioPoint(minute, point);
      } else if (objective.op !== null && objective.value !== null) {
        addThresholdPoint(minute, point, objective.op, objective.value);
      }
    }
  }

  /** What has come in since the last call, by objective; ascending, one entry a minute. */
  drain(): Map<string, MinuteReceived[]> {
    const drained = new Map<string, MinuteReceived[]>();
    for (const [name, minutes] of this.#objectives) {
      const received = minutes.drain();
      if (received.length > 0) drained.set(name, received);
    }
    return drained;
  }

  #minutesOf(objective: string): ObjectiveMinutes {
    let minutes = this.#objectives.get(objective);
    if (minutes === undefined) {
      minutes = new ObjectiveMinutes(this.#grouping);
      this.#objectives.set(objective, minutes);
    }
    return minutes;
  }
}

class ObjectiveMinutes {
  readonly #grouping: Grouping;
  /** The minute that was added to last, and whether that is reported. */
  #current: MinuteAccumulator | null = null;
  #isReported = false;
  /** Of a request: every minute. */
  readonly #open = new Map<number, MinuteAccumulator>();
  #closed = new ReceivedMinutes();
  #touched = false;

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  open(minuteMs: number): MinuteAccumulator {
    this.#touched = true;
    const wasReported = this.#isReported;
    this.#isReported = false;
    if (this.#current?.minuteMs === minuteMs) return this.#current;
    if (this.#grouping === 'stream') {
      if (this.#current !== null && !wasReported) this.#closed.merge(receivedOf(this.#current));
      this.#current = createMinute(minuteMs);
      return this.#current;
    }
    const minute = this.#open.get(minuteMs) ?? createMinute(minuteMs);
    this.#open.set(minuteMs, minute);
    this.#current = minute;
    return minute;
  }

  drain(): MinuteReceived[] {
    if (!this.#touched) return [];
    this.#touched = false;
    this.#isReported = true;
    const received = this.#closed;
    this.#closed = new ReceivedMinutes();
    if (this.#grouping === 'request')
      for (const minute of this.#open.values()) received.merge(receivedOf(minute));
    else if (this.#current !== null) received.merge(receivedOf(this.#current));
    return received.ascending();
  }
}

/** What was received, by minute. */
class ReceivedMinutes {
  readonly #minutes: MinuteReceived[] = [];
  /** Where each minute stands, from the first one on that comes out of order. */
  #places: Map<number, number> | null = null;

  merge(next: MinuteReceived): void {
    const last = this.#minutes.at(-1);
    if (this.#places === null && (last === undefined || last.minuteMs < next.minuteMs)) {
      this.#minutes.push(next);
      return;
    }
    this.#places ??= new Map(this.#minutes.map(({ minuteMs }, place) => [minuteMs, place]));
    const place = this.#places.get(next.minuteMs);
    if (place === undefined) {
      this.#places.set(next.minuteMs, this.#minutes.length);
      this.#minutes.push(next);
    } else {
      this.#minutes[place] = mergeReceived(this.#minutes[place] ?? null, next);
    }
  }

  ascending(): MinuteReceived[] {
    return this.#places === null ? this.#minutes : this.#minutes.sort((a, b) => a.minuteMs - b.minuteMs);
  }
}
