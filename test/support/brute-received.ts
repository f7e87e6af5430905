import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { UsedMinute } from './brute-force.ts';

/** A point of a ratio SLI; a field that it does not bring is null. */
export interface BrutePoint {
  readonly atMs: number;
  readonly good: number | null;
  readonly bad: number | null;
  readonly total: number | null;
}

export interface BruteSli {
  readonly incremental: boolean;
  readonly alignment: 'drop' | 'interpolate';
  readonly isAdjusted?: (minuteMs: number) => boolean;
}

type Field = 'good' | 'bad' | 'total';
type Counts = Record<Field, number | null>;

const FIELDS: readonly Field[] = ['good', 'bad', 'total'];
const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

/**
 * What of the points is used, minute by minute, by the letter of the semantics: every increase and every
 * neighbour is searched for among all points. Counters: no two points at the same time. Others: one point a
 * minute and request, in the order of the requests.
 */
export function bruteUsed(points: readonly BrutePoint[], sli: BruteSli): UsedMinute[] {
  const counts = sli.incremental ? increases(points) : latest(points);
  const isAdjusted = sli.isAdjusted ?? (() => false);
  return [...counts].flatMap(([minuteMs, minute]) => {
    if (isAdjusted(minuteMs)) return [];
    const known = { ...minute };
    const alone = FIELDS.filter((field) => known[field] !== null);
    if (sli.alignment === 'interpolate' && alone.length === 1) {
      for (const field of ['total', 'good', 'bad'] as const) {
        if (field === alone[0]) continue;
        const near = (step: number): readonly [number, number] | null => {
          for (let distance = 1; distance <= 5; distance += 1) {
            const at = minuteMs + step * distance * MINUTE_MS;
            const value = counts.get(at)?.[field] ?? null;
            if (value !== null && !isAdjusted(at)) return [at, value];
          }
          return null;
        };
        const [before, after] = [near(-1), near(1)];
        if (before === null || after === null) continue;
        known[field] = before[1] + ((after[1] - before[1]) * (minuteMs - before[0])) / (after[0] - before[0]);
        break;
      }
    }
    const { good, bad, total } = known;
    if (total !== null && good !== null) return [{ minuteMs, good: Math.min(good, total), total }];
    if (total !== null && bad !== null) return [{ minuteMs, good: total - Math.min(bad, total), total }];
    if (good !== null && bad !== null) return [{ minuteMs, good, total: good + bad }];
    return [];
  });
}

/** A counter's increases, each since the newest earlier value of the same field. */
function increases(points: readonly BrutePoint[]): Map<number, Counts> {
  const counts = new Map<number, Counts>();
  for (const point of points) {
    const before = (field: Field): number | null => {
      const earlier = points.filter((other) => other.atMs < point.atMs && other[field] !== null);
      return (
        earlier.reduce<BrutePoint | null>(
          (newest, other) => (newest === null || other.atMs > newest.atMs ? other : newest),
          null,
        )?.[field] ?? null
      );
    };
    const isReset = FIELDS.some((field) => {
      const [value, last] = [point[field], before(field)];
      return value !== null && last !== null && value < last;
    });
    const minute = counts.get(minuteOf(point.atMs)) ?? { good: null, bad: null, total: null };
    counts.set(minuteOf(point.atMs), minute);
    for (const field of FIELDS) {
      const [value, last] = [point[field], before(field)];
      if (value === null || last === null) continue;
      minute[field] = (minute[field] ?? 0) + (isReset ? value : value - last);
    }
  }
  return counts;
}

/** The fields that the last request of each minute brought, over those of earlier ones. */
function latest(points: readonly BrutePoint[]): Map<number, Counts> {
  const counts = new Map<number, Counts>();
  for (const { atMs, good, bad, total } of points) {
    const before = counts.get(minuteOf(atMs));
    const isPair = [good, bad, total].filter((value) => value !== null).length > 1;
    counts.set(minuteOf(atMs), {
      good: isPair ? good : (good ?? before?.good ?? null),
      bad: isPair ? bad : (bad ?? before?.bad ?? null),
      total: isPair ? total : (total ?? before?.total ?? null),
    });
  }
  return counts;
}
