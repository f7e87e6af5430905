import { MINUTE_MS } from '../../src/lib/duration.ts';

/** What a series receives in a minute: about a thousand events, of which few fail, some minutes more. */
export function eventsOf(minuteMs: number, series: number): { good: number; total: number } {
  const minute = minuteMs / MINUTE_MS;
  const total = 1000 + ((minute * 7 + series * 13) % 61);
  const bad = (minute + series * 5) % 17 === 0 ? 2 + (series % 3) : 0;
  return { good: total - bad, total };
}

/** One line of a stream of measurements. */
export function pointLine(slo: string, minuteMs: number, series: number): string {
  const { good, total } = eventsOf(minuteMs, series);
  return `{"slo":"${slo}","at":"${new Date(minuteMs).toISOString()}","good":${good},"total":${total}}\n`;
}

/** The stream's body of the minutes in `[fromMs, toMs)`, minute by minute, each with a point of every SLO. */
export function* streamBody(
  slos: readonly string[],
  fromMs: number,
  toMs: number,
): Generator<Uint8Array, void> {
  const encoder = new TextEncoder();
  let lines = '';
  for (let minuteMs = fromMs; minuteMs < toMs; minuteMs += MINUTE_MS) {
    for (const [series, slo] of slos.entries()) lines += pointLine(slo, minuteMs, series);
    if (lines.length < 256 * 1024) continue;
    yield encoder.encode(lines);
    lines = '';
  }
  if (lines !== '') yield encoder.encode(lines);
}
