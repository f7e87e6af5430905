const SMALLEST_NORMAL = 2 ** -1022;

/** Whether two numbers differ by less than `tolerance` as a share of the sum of their amounts; NaN equals nothing. */
export function almostEqual(a: number, b: number, tolerance: number): boolean {
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < tolerance * SMALLEST_NORMAL;
  return difference / Math.min(sum, Number.MAX_VALUE) < tolerance;
}
