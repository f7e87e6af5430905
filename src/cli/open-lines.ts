import { z } from 'zod';
import { MINUTE_MS } from '../lib/duration.ts';

const pointSchema = z.object({ slo: z.string(), at: z.string(), objective: z.string().nullish() });

interface OpenLine {
  readonly series: string;
  readonly minute: number;
  readonly text: string;
}

interface OpenSlo {
  /** The minute that each series has come to; "" stands for points without an objective. */
  readonly current: Map<string, number>;
  kept: OpenLine[];
}

/** From so many lines of an SLO on, those that are over are let go. */
const MANY = 1000;

/**
 * Of lines of measurements those that may belong together with lines to come: points of a minute count together
 * as long as no other minute of their SLO and objective comes between them, but only within one request. Whoever
 * splits a stream sends these again in front of the next part; a minute that is sent again is replaced as a whole.
 */
export function openLines(lines: readonly string[], idOf: (reference: string) => string): string[] {
  const slos = new Map<string, OpenSlo>();
  for (const text of lines) {
    const point = pointOf(text);
    if (point === null) continue;
    const id = idOf(point.slo).toLowerCase();
    const slo = slos.get(id) ?? { current: new Map<string, number>(), kept: [] };
    slos.set(id, slo);
    const series = point.objective ?? '';
    const minute = Math.floor(Date.parse(point.at) / MINUTE_MS);
    if (slo.current.get(series) !== minute) {
      // A minute that comes again replaces what it said before.
      slo.kept = slo.kept.filter((line) => line.series !== series || line.minute !== minute);
      slo.current.set(series, minute);
    }
    slo.kept.push({ series, minute, text });
    if (slo.kept.length % MANY === 0) letGo(slo);
  }
  return [...slos.values()].flatMap((slo) => {
    letGo(slo);
    return slo.kept.map(({ text }) => text);
  });
}

/** A minute stays as a whole while any series is in it: points without an objective belong to all of them. */
function letGo(slo: OpenSlo): void {
  const open = new Set(slo.current.values());
  slo.kept = slo.kept.filter(({ minute }) => open.has(minute));
}

function pointOf(text: string): z.infer<typeof pointSchema> | null {
  try {
    const point = pointSchema.parse(JSON.parse(text));
    return Number.isNaN(Date.parse(point.at)) ? null : point;
  } catch {
    return null;
  }
}
