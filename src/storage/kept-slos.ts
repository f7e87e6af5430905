import { and, eq, getTableColumns, inArray, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from './client.ts';
import { npSlos } from './schema.ts';
import { sloOf } from './slo-rows.ts';

/** An SLO's row at one moment. Every write to the SLO or to its data writes the row, and so changes the version. */
export interface SloVersion {
  readonly id: string;
  readonly version: string;
}

/** As a column: where the row stands and who wrote it. */
export const ROW_VERSION = `np_slos.xmin::text || np_slos.ctid::text`;

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

/**
 * The account's SLOs in these versions, in their order: those that are kept from memory, the others read whole.
 * One that was removed meanwhile is left out.
 */
export async function slosOfVersions(
  { orm, keptSlos }: Tx,
  accountId: string,
  versions: readonly SloVersion[],
): Promise<Slo[]> {
  const slos = versions.map((version) => keptSlos.get(accountId, version));
  const missing = versions.filter((_, i) => slos[i] === null).map(({ id }) => id);
  if (missing.length === 0) return slos.filter((slo) => slo !== null);
  const rows = await orm
    .select({ ...getTableColumns(npSlos), version: sql<string>`${sql.raw(ROW_VERSION)}` })
    .from(npSlos)
    .where(and(eq(npSlos.sourceAccountId, accountId), inArray(npSlos.id, missing)));
  const read = new Map<string, Slo>();
  for (const { version, ...row } of rows) {
    const slo = sloOf(row);
    keptSlos.set(accountId, version, slo);
    read.set(slo.id, slo);
  }
  return versions.flatMap(({ id }, i) => slos[i] ?? read.get(id) ?? []);
}
