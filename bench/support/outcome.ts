/** What a bench found out: medians over its interleaved runs. */
export interface Outcome {
  /** What the bench is judged by; what it divides is told in bench/README.md. */
  readonly ratio: number;
  /** Of `ours` and `baseline`. */
  readonly unit: string;
  readonly ours: number;
  readonly baseline: number;
  readonly runs: number;
  /** Further figures of the same runs, by name. */
  readonly further?: Readonly<Record<string, number>>;
}

/** Four significant digits: more of a time is noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
