import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from './client.ts';
import { npSlos } from './schema.ts';

/** First half of an advisory lock's key; nothing else in the database uses it. */
const COMPOSITION_LOCK = 383_500_103;

/** Where composites stand in the order of locks, and what they are or were made of. */
export interface CompositePlace {
  readonly id: string;
  readonly level: number;
  readonly componentIds: readonly string[];
}

/** The account's composites, those of components first. */
export async function selectComposites({ orm }: Tx, accountId: string): Promise<CompositePlace[]> {
  return orm
    .select({ id: npSlos.id, level: npSlos.level, componentIds: npSlos.componentIds })
    .from(npSlos)
    .where(and(eq(npSlos.sourceAccountId, accountId), sql`${npSlos.level} > 0`))
    .orderBy(asc(npSlos.level), asc(npSlos.id));
}

/** Keeps a composite's place in the order of locks. */
export async function saveLevel({ orm }: Tx, accountId: string, id: string, level: number): Promise<void> {
  await orm
    .update(npSlos)
    .set({ level })
    .where(and(eq(npSlos.sourceAccountId, accountId), eq(npSlos.id, id)));
}

/**
 * Marks, from when on the minutes of composites are to be computed anew, in the order of locks. The mark lasts
 * until `clearRecompute`, so that the work is not lost with the one who had to do it.
 */
export async function markRecompute(
  { orm, client }: Tx,
  accountId: string,
  marks: ReadonlyMap<string, number>,
): Promise<void> {
  if (marks.size === 0) return;
  const ids = [...marks.keys()];
  await orm
    .select({ id: npSlos.id })
    .from(npSlos)
    .where(and(eq(npSlos.sourceAccountId, accountId), inArray(npSlos.id, ids)))
    .orderBy(asc(npSlos.level), asc(npSlos.id))
    .for('no key update');
  await client.query(
    `UPDATE np_slos s SET recompute_from = LEAST(s.recompute_from, n.from_at)
     FROM unnest($2::uuid[], $3::timestamptz[]) AS n(id, from_at)
     WHERE s.source_account_id = $1 AND s.id = n.id`,
    [accountId, ids, [...marks.values()].map((ms) => new Date(ms))],
  );
}

/** Takes the mark off an SLO whose row is locked. */
export async function clearRecompute({ orm }: Tx, accountId: string, id: string): Promise<void> {
  await orm
    .update(npSlos)
    .set({ recomputeFrom: null })
    .where(and(eq(npSlos.sourceAccountId, accountId), eq(npSlos.id, id)));
}

/** The account's composites that are marked, by the order of locks. */
export async function selectMarked({ orm }: Tx, accountId: string): Promise<string[]> {
  const rows = await orm
    .select({ id: npSlos.id })
    .from(npSlos)
    .where(
      and(
        eq(npSlos.sourceAccountId, accountId),
        sql`${npSlos.level} > 0`,
        sql`${npSlos.recomputeFrom} IS NOT NULL`,
      ),
    )
    .orderBy(asc(npSlos.level), asc(npSlos.id));
  return rows.map(({ id }) => id);
}

/** Definitions that name each other change one at a time in an account. */
export async function lockComposition({ client }: Tx, accountId: string): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [COMPOSITION_LOCK, accountId]);
}
