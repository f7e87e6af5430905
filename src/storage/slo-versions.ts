import { and, eq, getTableColumns, inArray, sql } from 'drizzle-orm';
import type { Slo } from '../slo/definition.ts';
import type { Database, OnceStatement, Tx } from './client.ts';
import type { SloVersion } from './kept-slos.ts';
import { npSlos } from './schema.ts';
import type { SloReference } from './slo-reference.ts';
import { sloOf } from './slo-rows.ts';

/** As a column: where the row stands and who wrote it. */
export const ROW_VERSION = `np_slos.xmin::text || np_slos.ctid::text`;

/** The versions of the account's SLOs, by id. */
export async function versionsById(
  { client }: Tx,
  accountId: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<SloVersion>({
    name: 'slo-versions-by-id',
    text: `SELECT id, ${ROW_VERSION} AS version FROM np_slos WHERE source_account_id = $1 AND id = ANY ($2::uuid[])`,
    values: [accountId, ids],
  });
  return new Map(rows.map(({ id, version }) => [id, version]));
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

const BY_ID: OnceStatement = {
  name: 'np_slo_version_by_id',
  types: 'text, uuid',
  text: `SELECT id::text AS id, ${ROW_VERSION} AS version FROM np_slos WHERE source_account_id = $1 AND id = $2`,
};

const BY_NAME: OnceStatement = {
  name: 'np_slo_version_by_name',
  types: 'text, text, text',
  text: `SELECT id::text AS id, ${ROW_VERSION} AS version FROM np_slos
         WHERE source_account_id = $1 AND project = $2 AND name = $3`,
};

/** The SLO from memory, when it is the account's and its row is the one that was read last; else null. */
export async function keptSlo(db: Database, accountId: string, ref: SloReference): Promise<Slo | null> {
  const [found] =
    'id' in ref
      ? await db.once(accountId, BY_ID, [accountId, ref.id])
      : await db.once(accountId, BY_NAME, [accountId, ref.project, ref.name]);
  if (typeof found?.id !== 'string' || typeof found.version !== 'string') return null;
  return db.keptSlos.get(accountId, { id: found.id, version: found.version });
}
