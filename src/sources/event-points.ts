import type { Sli } from '../slo/definition.ts';
import type { Point } from '../slo/sli.ts';
import type { Tx } from '../storage/client.ts';
import { countEvents, type EventQuery, type EventRow, readEvents } from '../storage/event-tables.ts';
import { NO_FIELDS, SourceError } from './source-reader.ts';

/** Rows that are held in memory at once. */
const MAX_ROWS = 300_000;
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** What was read for one asker. */
export interface AskerPoints {
  readonly points: Point[];
  /** Rows that say nothing possible. */
  refused: number;
}

/** Whether rows must be seen one by one: values are judged by each objective, counters by their order. */
export function isReadByRow(sli: Sli): boolean {
  return sli.type === 'threshold' || (sli.type === 'ratio' && sli.incremental);
}

/** What the askers of a query get, by their number. */
export async function readPoints(
  tx: Tx,
  query: EventQuery,
  byRow: boolean,
): Promise<ReadonlyMap<number, AskerPoints>> {
  const found = new Map<number, AskerPoints>();
  const of = (asker: number): AskerPoints => {
    const known = found.get(asker) ?? { points: [], refused: 0 };
    found.set(asker, known);
    return known;
  };
  if (!byRow) {
    for (const { asker, minuteMs, good, bad, total, refused } of await countEvents(tx, query)) {
      const mine = of(asker);
      mine.refused += refused;
      if (good !== null || bad !== null) mine.points.push({ ...NO_FIELDS, atMs: minuteMs, good, bad, total });
    }
    return found;
  }
  const rows = await readEvents(tx, query, MAX_ROWS + 1);
  if (rows.length > MAX_ROWS) {
    throw new SourceError(`there are more than ${MAX_ROWS} rows to be read at once`, { isTooMuch: true });
  }
  for (const row of rows) {
    const { asker, atMs, good, bad, total, value } = row;
    const mine = of(asker);
    if (isPossible(row)) mine.points.push({ ...NO_FIELDS, atMs, good, bad, total, value });
    // NaN is no point.
    else if (!Number.isNaN(value ?? 0)) mine.refused += 1;
  }
  return found;
}

function isPossible({ good, bad, total, value }: EventRow): boolean {
  if (value !== null) return Number.isFinite(value);
  return [good, bad, total].every((count) => count === null || (count >= 0 && count <= MAX_COUNT));
}
