/** A minute of one event, good or bad, that is used as it came in. */
export const usedMinute = (minuteMs: number, good: 0 | 1) => ({
  minuteMs,
  good,
  bad: null,
  total: 1,
  value: null,
  used: { good, total: 1 },
  dataUnused: false,
});
