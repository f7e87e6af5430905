import type { Slo } from '../slo/definition.ts';
import type { Tx } from '../storage/client.ts';
import { selectMarked } from '../storage/composite-places.ts';
import { bringUpToDate } from './bring-up-to-date.ts';
import { refreshComposites } from './refresh-composites.ts';

/**
 * Brings SLOs up to the last complete minute, composites after what they are made of. Their rows must be locked.
 * Returns the number of snapshots.
 */
export async function catchUp(tx: Tx, slos: readonly Slo[], nowMs: number): Promise<number> {
  let rows = await bringUpToDate(
    tx,
    slos.filter(({ sli }) => sli.type !== 'composite'),
    nowMs,
  );
  const composites = new Map<string, string[]>();
  for (const { accountId, id, sli } of slos) {
    if (sli.type !== 'composite') continue;
    composites.set(accountId, [...(composites.get(accountId) ?? []), id]);
  }
  for (const [accountId, ids] of composites) rows += await refreshComposites(tx, accountId, ids, nowMs);
  return rows;
}

/** Works off the marks on the account's composites. */
export async function refreshMarked(tx: Tx, accountId: string, nowMs: number): Promise<void> {
  const marked = await selectMarked(tx, accountId);
  if (marked.length > 0) await refreshComposites(tx, accountId, marked, nowMs);
}
