import { and, asc, isNotNull, or, sql } from 'drizzle-orm';
import type { Sli, Slo } from '../slo/definition.ts';
import type { Backfill, PullState } from '../slo/pull-state.ts';
import type { Tx } from './client.ts';
import { inShards } from './in-shards.ts';
import { npSlos } from './schema.ts';
import { instantOrNull, pullOf, sloOf } from './slo-rows.ts';

/** An SLO whose source is to be read, without what reading does not need. */
export interface PulledSlo {
  readonly accountId: string;
  readonly id: string;
  readonly sli: Sli;
  readonly pull: PullState;
  readonly backfill: Backfill | null;
}

/** How many SLOs show an error of their source, whether or not it is to be read now. */
export async function countFailingPulls({ orm }: Tx, shards: readonly number[] | null): Promise<number> {
  return orm.$count(
    npSlos,
    and(isNotNull(npSlos.pulledUntil), isNotNull(npSlos.lastError), inShards(shards)),
  );
}

/** SLOs whose source was not read up to the instant, or has a past range to be read: furthest behind first. */
export async function selectDuePulls(
  { orm }: Tx,
  atMs: number,
  shards: readonly number[] | null,
): Promise<PulledSlo[]> {
  const rows = await orm
    .select({
      sourceAccountId: npSlos.sourceAccountId,
      id: npSlos.id,
      sli: npSlos.sli,
      pullFrom: npSlos.pullFrom,
      pulledUntil: npSlos.pulledUntil,
      lastPulledAt: npSlos.lastPulledAt,
      lastError: npSlos.lastError,
      pulledRecent: npSlos.pulledRecent,
      backfill: npSlos.backfill,
    })
    .from(npSlos)
    .where(
      and(
        isNotNull(npSlos.pulledUntil),
        inShards(shards),
        or(
          sql`${npSlos.pulledUntil} < ${new Date(atMs)}`,
          sql`(${npSlos.backfill} IS NOT NULL AND ${npSlos.backfill} ->> 'finishedAtMs' IS NULL)`,
        ),
      ),
    )
    .orderBy(asc(npSlos.pulledUntil), asc(npSlos.sourceAccountId), asc(npSlos.id));
  return rows.flatMap((row) => {
    const pull = pullOf(row);
    return pull === null
      ? []
      : [{ accountId: row.sourceAccountId, id: row.id, sli: row.sli, pull, backfill: row.backfill }];
  });
}

/** The SLOs of these ids and accounts, locked against writers, in the order in which all lock them. */
export async function lockPulledSlos(
  { orm }: Tx,
  keys: readonly { readonly accountId: string; readonly id: string }[],
): Promise<Slo[]> {
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        sql`${npSlos.sourceAccountId} = ANY(${sql.param([...new Set(keys.map((key) => key.accountId))])}::text[])`,
        sql`${npSlos.id} = ANY(${sql.param(keys.map((key) => key.id))}::uuid[])`,
      ),
    )
    .orderBy(asc(npSlos.sourceAccountId), asc(npSlos.id))
    .for('no key update');
  return rows.map(sloOf);
}

/** Keeps how far the sources of these SLOs were read. Their rows must be locked. */
export async function savePulls(
  { client }: Tx,
  pulls: readonly { readonly slo: Pick<Slo, 'accountId' | 'id'>; readonly pull: PullState }[],
): Promise<void> {
  if (pulls.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET pulled_until = n.pulled_until, last_pulled_at = n.last_pulled_at,
       last_error = n.last_error, pulled_recent = n.pulled_recent
     FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::jsonb[])
       AS n(account, id, pulled_until, last_pulled_at, last_error, pulled_recent)
     WHERE s.source_account_id = n.account AND s.id = n.id`,
    [
      pulls.map(({ slo }) => slo.accountId),
      pulls.map(({ slo }) => slo.id),
      pulls.map(({ pull }) => new Date(pull.untilMs)),
      pulls.map(({ pull }) => instantOrNull(pull.lastPulledAtMs)),
      pulls.map(({ pull }) => pull.lastError),
      pulls.map(({ pull }) => JSON.stringify(pull.recent)),
    ],
  );
}

/** Keeps how far past ranges were read. The SLOs' rows must be locked. */
export async function saveBackfills(
  { client }: Tx,
  backfills: readonly { readonly slo: Pick<Slo, 'accountId' | 'id'>; readonly backfill: Backfill }[],
): Promise<void> {
  if (backfills.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET backfill = n.backfill
     FROM unnest($1::text[], $2::uuid[], $3::jsonb[]) AS n(account, id, backfill)
     WHERE s.source_account_id = n.account AND s.id = n.id`,
    [
      backfills.map(({ slo }) => slo.accountId),
      backfills.map(({ slo }) => slo.id),
      backfills.map(({ backfill }) => JSON.stringify(backfill)),
    ],
  );
}

/** A source that could not be read. */
export interface PullFailure {
  readonly slo: PulledSlo;
  /** Whether it was read for the SLO's backfill. */
  readonly isBackfill: boolean;
  readonly message: string;
}

/** Shows on the SLOs why their sources cannot be read; not where the reading has gone on since. */
export async function savePullFailures({ client }: Tx, failures: readonly PullFailure[]): Promise<void> {
  if (failures.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET last_error = n.message
     FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[]) AS n(account, id, pulled_until, message)
     WHERE s.source_account_id = n.account AND s.id = n.id AND s.pulled_until = n.pulled_until
       AND s.last_error IS DISTINCT FROM n.message`,
    [
      failures.map(({ slo }) => slo.accountId),
      failures.map(({ slo }) => slo.id),
      failures.map(({ slo }) => new Date(slo.pull.untilMs)),
      failures.map(({ message }) => message),
    ],
  );
}

/** Shows the same on backfills that still go on. */
export async function saveBackfillFailures({ client }: Tx, failures: readonly PullFailure[]): Promise<void> {
  if (failures.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET backfill = jsonb_set(s.backfill, '{lastError}', to_jsonb(n.message))
     FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS n(account, id, backfill_id, message)
     WHERE s.source_account_id = n.account AND s.id = n.id AND s.backfill ->> 'id' = n.backfill_id
       AND s.backfill ->> 'lastError' IS DISTINCT FROM n.message`,
    [
      failures.map(({ slo }) => slo.accountId),
      failures.map(({ slo }) => slo.id),
      failures.map(({ slo }) => slo.backfill?.id ?? null),
      failures.map(({ message }) => message),
    ],
  );
}
