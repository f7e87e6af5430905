import { MINUTE_MS } from '../../src/lib/duration.ts';

/** A minute of a component: its used counts, or null where it is data without any. */
export interface BruteComponentMinute {
  readonly good: number;
  readonly total: number;
}

export interface BruteComponent {
  readonly weight: number;
  readonly whenDelayed: 'count_as_good' | 'count_as_bad' | 'ignore';
  /** By the start of the minute; a total of 0 is data. */
  readonly minutes: ReadonlyMap<number, BruteComponentMinute>;
  readonly isAdjusted: (minuteMs: number) => boolean;
}

/** How a composite's minute enters the status at one time; null where it is not observed by then. */
export interface BruteMinute {
  readonly quality: number;
  /** Of each component, the share of the minute that it cost. */
  readonly losses: readonly number[];
}

/**
 * The minutes of a composite as a status at `tMs` sees them, by the letter of the semantics, each found out on its
 * own: `waits` says whether any of them is still waited for. Components count by occurrences.
 */
export function bruteComposite(
  components: readonly BruteComponent[],
  maxDelayMs: number,
  tMs: number,
): {
  readonly minutes: ReadonlyMap<number, BruteMinute>;
  readonly waits: boolean;
  readonly newestMs: number;
} {
  const starts = components.map(({ minutes }) => Math.min(...minutes.keys()));
  const seen = components.map(({ minutes }) => [...minutes.keys()].filter((ms) => ms + MINUTE_MS <= tMs));
  const newestOf = seen.map((list) => Math.max(...list, Number.NEGATIVE_INFINITY));
  const newest = Math.max(...newestOf);
  const minutes = new Map<number, BruteMinute>();
  let waits = false;
  let newestMs = Number.NEGATIVE_INFINITY;
  for (let minuteMs = Math.min(...starts); minuteMs + MINUTE_MS <= tMs; minuteMs += MINUTE_MS) {
    let waiting = false;
    let weights = 0;
    let good = 0;
    const costs = components.map(({ weight, whenDelayed, minutes: own, isAdjusted }, i) => {
      if (minuteMs < (starts[i] ?? 0) || isAdjusted(minuteMs)) return 0;
      const minute = own.get(minuteMs);
      let quality: number;
      if (minute !== undefined) {
        if (minute.total === 0) return 0;
        quality = minute.good / minute.total;
      } else {
        const late = newestOf[i] ?? Number.NEGATIVE_INFINITY;
        if (late < minuteMs && newest - late <= maxDelayMs && tMs - newest <= maxDelayMs) {
          waiting = true;
          return 0;
        }
        if (whenDelayed === 'ignore') return 0;
        quality = whenDelayed === 'count_as_good' ? 1 : 0;
      }
      weights += weight;
      good += weight * quality;
      return weight * (1 - quality);
    });
    if (waiting) {
      waits = true;
      continue;
    }
    // When all components are silent there are no new minutes.
    if (minuteMs > newest) continue;
    newestMs = minuteMs;
    if (weights === 0) continue;
    minutes.set(minuteMs, { quality: good / weights, losses: costs.map((cost) => cost / weights) });
  }
  return { minutes, waits, newestMs };
}
