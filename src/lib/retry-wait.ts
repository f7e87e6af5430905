/** How long to wait after failures in a row, in milliseconds. */
export interface RetrySchedule {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The wait after the failure that has `failuresBefore` failures before it: twice as long each time, up to the
 * longest. `random`, from 0 to 1, takes off up to half of it, so that those who failed together do not come back
 * together.
 */
export function retryWaitMs(
  failuresBefore: number,
  { firstMs, longestMs }: RetrySchedule,
  random: number,
): number {
  return Math.min(longestMs, firstMs * 2 ** failuresBefore) * (0.5 + random / 2);
}
