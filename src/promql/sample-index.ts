/**
 * The index of the first sample after `instant`, from `from` on; `end` when there is none.
 * @param stride how far the last search went: samples and steps are regular most of the time, so the answer is
 * mostly that far away again
 */
export function advance(
  times: Float64Array,
  from: number,
  end: number,
  instant: number,
  stride: number,
): number {
  if (from >= end || (times[from] ?? 0) > instant) return from;
  // From here on the sample at `low` is not after the instant.
  let low = from;
  let reach = stride;
  let high = low + reach;
  while (high < end && (times[high] ?? 0) <= instant) {
    low = high;
    reach *= 2;
    high = low + reach;
  }
  if (high > end) high = end;
  if ((times[high - 1] ?? 0) <= instant) return high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= instant) low = middle;
    else high = middle;
  }
  return high;
}
