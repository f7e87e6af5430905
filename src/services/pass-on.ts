import type { Slo } from '../slo/definition.ts';
import { INTERPOLATION_REACH_MS } from '../slo/settle.ts';
import type { Tx } from '../storage/client.ts';
import { markComposites, refreshComposites } from './refresh-composites.ts';

/** An SLO of which the minutes from then on have changed. */
export interface ChangedSlo {
  readonly slo: Slo;
  readonly fromMs: number;
}

/**
 * Passes a change on to every composite above the SLOs, in the transaction that makes it: at once, or, where the
 * work is to be completed later, by marks that whoever completes it works off.
 */
export async function passOn(
  tx: Tx,
  changed: readonly ChangedSlo[],
  nowMs: number,
  { complete }: { readonly complete: boolean },
): Promise<void> {
  const accounts = new Map<string, Map<string, number>>();
  for (const { slo, fromMs } of changed) {
    const own = accounts.get(slo.accountId) ?? new Map<string, number>();
    accounts.set(slo.accountId, own.set(slo.id, fromMs - INTERPOLATION_REACH_MS));
  }
  for (const [accountId, from] of accounts) {
    const marked = await markComposites(tx, accountId, from);
    if (complete && marked.length > 0) await refreshComposites(tx, accountId, marked, nowMs);
  }
}
