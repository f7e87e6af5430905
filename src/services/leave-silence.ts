import { MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import { endOfCount } from '../slo/rule.ts';
import { FILLING_BEHIND_MS } from '../storage/behind.ts';
import type { Tx } from '../storage/client.ts';
import { lastRowOf } from '../storage/series-columns.ts';
import { removeSnapshots } from '../storage/snapshot-rows.ts';
import type { SeriesChange } from './plan-rewrite.ts';

/**
 * From where on the rows of an SLO whose past is being filled up say nothing but how its windows pass over what came
 * in before; null where its data reach to near the present. `lastDataAtMs` is the start of its newest minute with
 * data, what comes in now included. While more is to come, each part of it would change every one of these rows:
 * they are left out until all has come, and made once. The evaluator leaves such an SLO alone for as long, and makes
 * them itself where nothing comes any more.
 */
export function silenceOf(slo: Slo, lastDataAtMs: number, atMs: number): number | null {
  return lastDataAtMs < atMs - FILLING_BEHIND_MS ? endOfCount(slo, lastDataAtMs) + MINUTE_MS : null;
}

/** `at` of each series' newest row, null for none, once those are removed that are to be left out. */
export async function lastRowsToStand(
  tx: Tx,
  changes: readonly SeriesChange[],
  nowMs: number,
): Promise<(number | null)[]> {
  const keys = changes.map(({ slo, objective }) => ({ accountId: slo.accountId, sloId: slo.id, objective }));
  const lastRows = await lastRowOf(tx, keys, nowMs);
  const shortened = changes.flatMap(({ silentFromMs = null }, i) => {
    const key = keys[i];
    if (key === undefined || silentFromMs === null || (lastRows[i] ?? 0) < silentFromMs) return [];
    return [{ key, i, silentFromMs }];
  });
  if (shortened.length === 0) return lastRows;
  for (const { key, silentFromMs } of shortened) {
    await removeSnapshots(tx, key.accountId, key.sloId, [key.objective], silentFromMs);
  }
  const standing = await lastRowOf(
    tx,
    shortened.map(({ key }) => key),
    nowMs,
  );
  shortened.forEach(({ i }, n) => {
    lastRows[i] = standing[n] ?? null;
  });
  return lastRows;
}
