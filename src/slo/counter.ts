/** One value or several of a counter series, as one point brought them. Absent fields are null. */
export interface CounterPoint extends CounterValues {
  readonly atMs: number;
}

/** Of each field: a running total or an increase; null is unknown, which is not 0. */
export interface CounterValues {
  readonly good: number | null;
  readonly bad: number | null;
  readonly total: number | null;
}

export const UNKNOWN_VALUES: CounterValues = { good: null, bad: null, total: null };

const FIELDS = ['good', 'bad', 'total'] as const;

/**
 * The points of a minute after later ones came in, ascending. At equal times a later point replaces the fields
 * that it brings; what came apart stays apart, since only values of one point are reset together.
 */
export function mergeCounterPoints(
  before: readonly CounterPoint[],
  later: readonly CounterPoint[],
): CounterPoint[] {
  const byTime = new Map<number, CounterPoint[]>();
  for (const point of [...before, ...later]) {
    const known = byTime.get(point.atMs);
    if (known === undefined) byTime.set(point.atMs, [point]);
    else byTime.set(point.atMs, [...known.flatMap((earlier) => without(earlier, point)), point]);
  }
  return [...byTime.values()].flat().sort((a, b) => a.atMs - b.atMs);
}

/** What is left of a point when another has replaced the fields that it brings. */
function without(earlier: CounterPoint, later: CounterPoint): CounterPoint[] {
  const left = {
    atMs: earlier.atMs,
    good: later.good === null ? earlier.good : null,
    bad: later.bad === null ? earlier.bad : null,
    total: later.total === null ? earlier.total : null,
  };
  return FIELDS.some((field) => left[field] !== null) ? [left] : [];
}

/** The newest value of each field, of points that ascend. */
export function lastValues(points: readonly CounterPoint[], before: CounterValues): CounterValues {
  const last = { good: before.good, bad: before.bad, total: before.total };
  for (const point of points) for (const field of FIELDS) last[field] = point[field] ?? last[field];
  return last;
}

/**
 * The increases that ascending points add up to, `before` being the last values of earlier points. A value
 * lower than the one before is a reset: the increase is then the value itself, and so for every field of the
 * same point. The first value ever seen of a field increases nothing that is known.
 */
export function countIncreases(
  points: readonly CounterPoint[],
  before: CounterValues,
): { readonly counts: CounterValues; readonly after: CounterValues } {
  const counts: { -readonly [Field in keyof CounterValues]: number | null } = { ...UNKNOWN_VALUES };
  const after = { good: before.good, bad: before.bad, total: before.total };
  for (const point of points) {
    const isReset = FIELDS.some((field) => (point[field] ?? Number.POSITIVE_INFINITY) < (after[field] ?? 0));
    for (const field of FIELDS) {
      const value = point[field];
      if (value === null) continue;
      const last = after[field];
      if (last !== null) counts[field] = (counts[field] ?? 0) + (isReset ? value : value - last);
      after[field] = value;
    }
  }
  return { counts, after };
}
