import { rounded } from './outcome.ts';
import { progress } from './progress.ts';
import { RUNS } from './sizes.ts';

/** The middle one of the values; the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** How long the work takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

export interface Sides {
  /** Each is told which run it is, from 0, and answers what it measured. */
  readonly ours: (run: number) => Promise<number>;
  readonly baseline: (run: number) => Promise<number>;
}

export interface Medians {
  readonly ours: number;
  readonly baseline: number;
  readonly runs: number;
}

/** Runs both sides in turn, so that whatever else the machine does meets both alike. */
export async function interleave(what: string, { ours, baseline }: Sides): Promise<Medians> {
  const measured: { ours: number[]; baseline: number[] } = { ours: [], baseline: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const one = await ours(run);
    const other = await baseline(run);
    measured.ours.push(one);
    measured.baseline.push(other);
    progress(`${what}, run ${run + 1} of ${RUNS}: ours ${rounded(one)}, baseline ${rounded(other)}`);
  }
  return { ours: median(measured.ours), baseline: median(measured.baseline), runs: RUNS };
}
