import { MINUTE_MS } from '../lib/duration.ts';
import type { SnapshotColumns, SnapshotNumber } from './snapshot-batch.ts';

/**
 * The rows minute by minute, those of one minute in their order: as the key of the table has them, so that an
 * index grows at its end and stays full. Times are whole minutes.
 */
export function rowsByMinute(rows: SnapshotColumns): SnapshotColumns {
  const order = orderByMinute(rows.at);
  if (order === null) return rows;
  const placeOf = new Int32Array(order.length);
  order.forEach((row, place) => {
    placeOf[row] = place;
  });
  const moved = <T extends { readonly row: number }>(sparse: readonly T[]): T[] =>
    sparse.map((item) => ({ ...item, row: placeOf[item.row] ?? item.row }));
  return {
    length: rows.length,
    at: Float64Array.from(order, (row) => rows.at[row] ?? Number.NaN),
    series: Int32Array.from(order, (row) => rows.series[row] ?? -1),
    state: Int32Array.from(order, (row) => rows.state[row] ?? -1),
    column(name: SnapshotNumber) {
      const values = rows.column(name);
      if (values === null) return null;
      const out = new Float64Array(order.length);
      for (let i = 0; i < out.length; i += 1) out[i] = values[order[i] ?? 0] ?? Number.NaN;
      return out;
    },
    bases: moved(rows.bases),
    counterPoints: moved(rows.counterPoints),
    composites: moved(rows.composites),
    dataUnused: rows.dataUnused.map((row) => placeOf[row] ?? row),
  };
}

/** Null where they stand in order already. */
function orderByMinute(at: Float64Array): Int32Array | null {
  let isOrdered = true;
  for (let i = 1; i < at.length && isOrdered; i += 1) isOrdered = (at[i - 1] ?? 0) <= (at[i] ?? 0);
  if (isOrdered) return null;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const ms of at) {
    low = Math.min(low, ms);
    high = Math.max(high, ms);
  }
  // Counted, not compared: a few milliseconds less for a batch of fifty thousand.
  const starts = new Int32Array((high - low) / MINUTE_MS + 2);
  const slotOf = (ms: number): number => (ms - low) / MINUTE_MS;
  for (const ms of at) starts[slotOf(ms) + 1] = (starts[slotOf(ms) + 1] ?? 0) + 1;
  for (let slot = 1; slot < starts.length; slot += 1) {
    starts[slot] = (starts[slot] ?? 0) + (starts[slot - 1] ?? 0);
  }
  const order = new Int32Array(at.length);
  at.forEach((ms, row) => {
    const slot = slotOf(ms);
    const place = starts[slot] ?? 0;
    order[place] = row;
    starts[slot] = place + 1;
  });
  return order;
}
