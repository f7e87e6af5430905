export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const UNITS: ReadonlyArray<readonly [suffix: string, ms: number]> = [
  ['w', 7 * DAY_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
];

const DURATION = /^([1-9][0-9]{0,8})([smhdw])$/;

/** `5m`, `1h`, `28d`, `2w` in milliseconds; null for any other text. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const unit = UNITS.find(([suffix]) => suffix === match[2]);
  return unit === undefined ? null : Number(match[1]) * unit[1];
}

/** The shortest text that `parseDuration` reads back: `28d` rather than `4w`, `90m` rather than `5400s`. */
export function formatDuration(ms: number): string {
  const unit = UNITS.find(([suffix, size]) => suffix !== 'w' && ms % size === 0) ?? ['s', SECOND_MS];
  return `${Math.round(ms / unit[1])}${unit[0]}`;
}

export function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
