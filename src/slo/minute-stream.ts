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
  /** Of a request: every minute. Of a stream: the one that was added to last. */
  readonly #open = new Map<number, MinuteAccumulator>();
  #closed = new Map<number, MinuteReceived>();
  #touched = false;

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  open(minuteMs: number): MinuteAccumulator {
    this.#touched = true;
    const known = this.#open.get(minuteMs);
    if (known !== undefined) return known;
    if (this.#grouping === 'stream') this.#close();
    const minute = createMinute(minuteMs);
    this.#open.set(minuteMs, minute);
    return minute;
  }

  drain(): MinuteReceived[] {
    if (!this.#touched) return [];
    this.#touched = false;
    const received = this.#closed;
    this.#closed = new Map();
    for (const minute of this.#open.values()) merge(received, minute);
    return [...received.values()].sort((a, b) => a.minuteMs - b.minuteMs);
  }

  #close(): void {
    for (const minute of this.#open.values()) merge(this.#closed, minute);
    this.#open.clear();
  }
}

function merge(into: Map<number, MinuteReceived>, minute: MinuteAccumulator): void {
  const received = receivedOf(minute);
  into.set(minute.minuteMs, mergeReceived(into.get(minute.minuteMs) ?? null, received));
}
