import { LRUCache } from 'lru-cache';
import type { Slo } from '../slo/definition.ts';

/** An SLO's row at one moment. Every write to the SLO or to its data writes the row, and so changes the version. */
export interface SloVersion {
  readonly id: string;
  readonly version: string;
}

/** About 3 kB each. */
const MAX_KEPT = 10_000;

/** SLOs as they were last read. Nothing in here is ever answered before its version was read anew. */
export class KeptSlos {
  readonly #slos = new LRUCache<string, { readonly version: string; readonly slo: Slo }>({ max: MAX_KEPT });

  get(accountId: string, { id, version }: SloVersion): Slo | null {
    const kept = this.#slos.get(`${accountId} ${id}`);
    return kept?.version === version ? kept.slo : null;
  }

  set(accountId: string, version: string, slo: Slo): void {
    this.#slos.set(`${accountId} ${slo.id}`, { version, slo });
  }
}
