/** The size of what is measured, 1 for the real thing: a small one is for trying a bench out. */
const scale = Number(process.env.BENCH_SCALE ?? '1');
/** Pairs of runs, ours and the baseline's. */
export const RUNS = Number(process.env.BENCH_RUNS ?? '5');

if (!(scale > 0) || !(RUNS >= 1)) throw new Error('BENCH_SCALE and BENCH_RUNS must be positive numbers');

/** `full`, smaller when BENCH_SCALE is; at least `least`. */
export function scaled(full: number, least = 1): number {
  return Math.max(least, Math.round(full * scale));
}
