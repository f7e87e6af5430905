import { and, asc, eq, or, sql } from 'drizzle-orm';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from './client.ts';
import type { SloVersion } from './kept-slos.ts';
import { npSlos } from './schema.ts';
import { parseReference, referenceKey, type SloReference } from './slo-reference.ts';
import { sloOf } from './slo-rows.ts';
import { ROW_VERSION, slosOfVersions, versionsById } from './slo-versions.ts';

/** The account's SLOs of some names, which are the second and third parameter. */
const NAMED = `(SELECT DISTINCT * FROM unnest($2::text[], $3::text[]) AS n(project, name)) n
  JOIN np_slos ON np_slos.source_account_id = $1 AND np_slos.project = n.project AND np_slos.name = n.name`;

/** The account's SLOs that the references name, each a UUID or `project.name`; null where there is none. */
export async function slosByReference(
  tx: Tx,
  accountId: string,
  texts: readonly string[],
  { lock = false }: { lock?: boolean } = {},
): Promise<(Slo | null)[]> {
  const refs = texts.map(parseReference);
  const wanted = partsOf(refs);
  const slos = lock
    ? await lockReferredTo(tx, accountId, wanted)
    : await slosOfVersions(tx, accountId, await versionsReferredTo(tx, accountId, wanted));
  const byRef = new Map<string, Slo>();
  for (const slo of slos) {
    byRef.set(slo.id, slo);
    byRef.set(referenceKey({ project: slo.project, name: slo.name }), slo);
  }
  return refs.map((ref) => (ref === null ? null : (byRef.get(referenceKey(ref)) ?? null)));
}

/**
 * The ids of the account's SLOs that the references name; null where there is none. Whether there is an SLO of a given
 * UUID is not looked at.
 */
export async function idsByReference(
  { client }: Tx,
  accountId: string,
  texts: readonly string[],
): Promise<(string | null)[]> {
  const refs = texts.map(parseReference);
  const { projects, names } = partsOf(refs);
  const byName = new Map<string, string>();
  if (names.length > 0) {
    const { rows } = await client.query<{ id: string; project: string; name: string }>({
      name: 'slo-ids-by-name',
      text: `SELECT np_slos.id, np_slos.project, np_slos.name FROM ${NAMED}`,
      values: [accountId, projects, names],
    });
    for (const { id, ...ref } of rows) byName.set(referenceKey(ref), id);
  }
  return refs.map((ref) => {
    if (ref === null) return null;
    return 'id' in ref ? ref.id : (byName.get(referenceKey(ref)) ?? null);
  });
}

/**
 * Locks the account's SLOs of these ids against writers. Answers those that there are, ascending, as the rows of a
 * minute are: what is written together of neighbours is read together fast.
 */
export async function lockSlos({ client }: Tx, accountId: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'lock-slos',
    // Whoever locks several rows does it in this order, components before what they are part of.
    text: `SELECT id FROM np_slos WHERE source_account_id = $1 AND id = ANY ($2::uuid[])
           ORDER BY level, id FOR NO KEY UPDATE`,
    values: [accountId, ids],
  });
  return rows.map(({ id }) => id).sort();
}

interface ReferenceParts {
  readonly ids: string[];
  readonly projects: string[];
  readonly names: string[];
}

function partsOf(refs: readonly (SloReference | null)[]): ReferenceParts {
  const parts: ReferenceParts = { ids: [], projects: [], names: [] };
  for (const ref of refs) {
    if (ref === null) continue;
    if ('id' in ref) {
      parts.ids.push(ref.id);
    } else {
      parts.projects.push(ref.project);
      parts.names.push(ref.name);
    }
  }
  return parts;
}

async function lockReferredTo(
  { orm }: Tx,
  accountId: string,
  { ids, projects, names }: ReferenceParts,
): Promise<Slo[]> {
  const byName = sql`(${npSlos.project}, ${npSlos.name}) IN (SELECT * FROM unnest(${sql.param(projects)}::text[], ${sql.param(names)}::text[]))`;
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        eq(npSlos.sourceAccountId, accountId),
        or(sql`${npSlos.id} = ANY(${sql.param(ids)}::uuid[])`, names.length > 0 ? byName : undefined),
      ),
    )
    // Whoever locks several rows does it in this order, components before what they are part of.
    .orderBy(asc(npSlos.level), asc(npSlos.id))
    .for('no key update');
  return rows.map(sloOf);
}

/** Two statements and not one: an OR of two keys would be looked for in the whole account. */
async function versionsReferredTo(
  tx: Tx,
  accountId: string,
  { ids, projects, names }: ReferenceParts,
): Promise<SloVersion[]> {
  const versions: SloVersion[] = [];
  if (ids.length > 0) {
    for (const [id, version] of await versionsById(tx, accountId, ids)) versions.push({ id, version });
  }
  if (names.length > 0) {
    const byName = await tx.client.query<SloVersion>({
      name: 'slo-versions-by-name',
      text: `SELECT np_slos.id, ${ROW_VERSION} AS version FROM ${NAMED}`,
      values: [accountId, projects, names],
    });
    versions.push(...byName.rows);
  }
  return versions;
}
