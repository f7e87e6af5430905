import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNITS: ReadonlyArray<readonly [unit: string, ms: number]> = [
  ['y', 365 * DAY_MS],
  ['w', 7 * DAY_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
  ['ms', 1],
];

/** The longest span that Prometheus can hold: 2^63 - 1 nanoseconds. */
export const MAX_DURATION_MS = Math.floor((2 ** 63 - 1) / 1e6);

/**
 * `1h30m` in milliseconds: units from `y` to `ms`, each at most once, from the longest to the shortest.
 * @returns the reason when the text is no duration.
 */
export function parsePromDuration(text: string): number | { readonly error: string } {
  if (text === '0') return 0;
  const match = DURATION.exec(text);
  if (match === null || text === '') return { error: `not a valid duration string: "${text}"` };
  const ms = UNITS.reduce((sum, [, size], i) => sum + Number(match[i + 1] ?? 0) * size, 0);
  return ms > MAX_DURATION_MS ? { error: 'duration out of range' } : ms;
}

/** The shortest text of whole milliseconds, as Prometheus writes it: years and weeks only when nothing is left over. */
export function formatPromDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, size] of UNITS) {
    const whole = (unit === 'y' || unit === 'w') && rest % size !== 0 ? 0 : Math.floor(rest / size);
    if (whole === 0) continue;
    text += `${whole}${unit}`;
    rest -= whole * size;
  }
  return text;
}
