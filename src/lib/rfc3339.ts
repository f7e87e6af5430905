const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d{1,12})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** The years 1 to 9999, in which the text has four digits everywhere. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Epoch milliseconds of an RFC 3339 time; digits after the millisecond are dropped. Null for any other text. */
export function parseRfc3339(text: string): number | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [, day = '', time = '', fraction = '', offset = ''] = match;
  const local = `${day}T${time}${fraction.slice(0, 4)}`;
  const ms = Date.parse(`${local}${offset.toUpperCase()}`);
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) return null;
  // Date.parse takes 30 February for 1 March, and the hour 24 for the next day.
  return new Date(Date.parse(`${local}Z`)).toISOString().startsWith(day) ? ms : null;
}

/** UTC, without a fraction where there is none: `2026-11-10T00:30:00Z`. */
export function formatRfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
