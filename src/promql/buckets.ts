import { almostEqual } from './almost-equal.ts';

/** Cumulative counts of one classic histogram at one instant, ascending by bound. */
export interface Buckets {
  readonly bounds: number[];
  readonly counts: number[];
}

export interface BucketQuantile {
  readonly value: number;
  /** The counts decreased somewhere, beyond what rounding explains, and were raised. */
  readonly forced: boolean;
}

/** Counts that differ by less than this share of their sum are taken for equal. */
const TOLERANCE = 1e-12;

/** The φ-quantile, interpolated linearly within its bucket. */
export function bucketQuantile(q: number, buckets: Buckets): BucketQuantile {
  const unforced = (value: number): BucketQuantile => ({ value, forced: false });
  if (Number.isNaN(q)) return unforced(Number.NaN);
  if (q < 0) return unforced(Number.NEGATIVE_INFINITY);
  if (q > 1) return unforced(Number.POSITIVE_INFINITY);
  if (!endsAtInfinity(buckets)) return unforced(Number.NaN);
  const { bounds, counts } = coalesced(buckets);
  const forced = makeMonotonic(counts);
  const last = bounds.length - 1;
  const observations = counts[last] ?? 0;
  if (last < 1 || observations === 0 || Number.isNaN(observations)) return { value: Number.NaN, forced };
  const rank = q * observations;
  let at = counts.findIndex((count) => count >= rank);
  if (at < 0) at = last;
  if (at === last) return { value: bounds[last - 1] ?? Number.NaN, forced };
  const upper = bounds[at] ?? 0;
  if (at === 0 && upper <= 0) return { value: upper, forced };
  const lower = at === 0 ? 0 : (bounds[at - 1] ?? 0);
  const below = at === 0 ? 0 : (counts[at - 1] ?? 0);
  const share = (rank - below) / ((counts[at] ?? 0) - below);
  return { value: lower + (upper - lower) * share, forced };
}

/** The share of observations between two values, interpolated linearly within buckets. */
export function bucketFraction(lower: number, upper: number, buckets: Buckets): number {
  if (!endsAtInfinity(buckets)) return Number.NaN;
  const { bounds, counts } = coalesced(buckets);
  const count = counts.at(-1) ?? 0;
  if (count === 0 || Number.isNaN(count) || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const rankOf = (value: number): number => Math.min(count, rankBelow(value, bounds, counts));
  return (rankOf(upper) - rankOf(lower)) / count;
}

/** How many observations are below a value. A bucket without a bound counts as if all were at its other end. */
function rankBelow(value: number, bounds: readonly number[], counts: readonly number[]): number {
  let below = 0;
  for (const [i, upper] of bounds.entries()) {
    const lower = i > 0 ? (bounds[i - 1] ?? 0) : upper > 0 ? 0 : Number.NEGATIVE_INFINITY;
    const count = counts[i] ?? 0;
    if (lower >= value) return below;
    if (upper > value)
      return lower === Number.NEGATIVE_INFINITY
        ? count
        : below + ((count - below) * (value - lower)) / (upper - lower);
    below = count;
  }
  return Number.POSITIVE_INFINITY;
}

const endsAtInfinity = ({ bounds }: Buckets): boolean => bounds.at(-1) === Number.POSITIVE_INFINITY;

/** Buckets of one bound, which come from bounds written in two ways, become one. */
function coalesced({ bounds, counts }: Buckets): Buckets {
  const result: Buckets = { bounds: [], counts: [] };
  bounds.forEach((bound, i) => {
    const count = counts[i] ?? 0;
    const last = result.bounds.length - 1;
    if (last >= 0 && result.bounds[last] === bound) result.counts[last] = (result.counts[last] ?? 0) + count;
    else {
      result.bounds.push(bound);
      result.counts.push(count);
    }
  });
  return result;
}

function makeMonotonic(counts: number[]): boolean {
  let forced = false;
  let before = counts[0] ?? 0;
  for (let i = 1; i < counts.length; i += 1) {
    const count = counts[i] ?? 0;
    if (almostEqual(before, count, TOLERANCE)) counts[i] = before;
    else if (count < before) {
      counts[i] = before;
      forced = true;
    } else before = count;
  }
  return forced;
}
