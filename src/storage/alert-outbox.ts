import { and, asc, sql } from 'drizzle-orm';
import type { AlertReceiver } from '../slo/alert-message.ts';
import { nextDueMs } from '../slo/alert-message.ts';
import type { AlertOutbox } from '../slo/alert-outbox.ts';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from './client.ts';
import { inShards } from './in-shards.ts';
import { npSlos } from './schema.ts';
import { shardSql } from './shard-share.ts';
import { instantOrNull, sloOf } from './slo-rows.ts';

export interface SloKey {
  readonly accountId: string;
  readonly id: string;
}

/** What one SLO has to tell. */
export interface SloOutbox extends SloKey {
  readonly outbox: AlertOutbox;
}

interface OutboxRow {
  readonly account: string;
  readonly id: string;
  readonly outbox: AlertOutbox;
}

const COLUMNS = 's.source_account_id AS account, s.id::text AS id, s.alert_outbox AS outbox';
const IN_SHARDS = `($1::int[] IS NULL OR ${shardSql('s.source_account_id')} = ANY($1))`;

const outboxOf = ({ account, id, outbox }: OutboxRow): SloOutbox => ({ accountId: account, id, outbox });

/** Messages that are due for the receiver; `$now` in epoch milliseconds. */
const duePath = (receiver: AlertReceiver): string =>
  `$[*] ? (@.deliveries.${receiver}.dueMs <= $now || (!exists(@.deliveries.${receiver}) && @.dueMs <= $now))`;

/**
 * The outboxes with messages that are due for the receiver, longest due first, locked. One that somebody is writing
 * to is left for the next time. `shards`: of the accounts in these virtual shards, null for all.
 */
export async function lockDueOutboxes(
  { client }: Tx,
  receiver: AlertReceiver,
  nowMs: number,
  shards: readonly number[] | null,
  limit: number,
): Promise<SloOutbox[]> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT ${COLUMNS} FROM np_slos s
           WHERE s.alert_due_at <= $2 AND ${IN_SHARDS}
             AND jsonb_path_exists(s.alert_outbox, '${duePath(receiver)}', jsonb_build_object('now', $3::float8))
           ORDER BY s.alert_due_at, s.source_account_id, s.id LIMIT $4
           FOR NO KEY UPDATE SKIP LOCKED`,
    [shards, new Date(nowMs), nowMs, limit],
  );
  return rows.map(outboxOf);
}

/** The outbox of one SLO, locked; null when the SLO is gone. */
export async function lockOutbox({ client }: Tx, { accountId, id }: SloKey): Promise<AlertOutbox | null> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT ${COLUMNS} FROM np_slos s WHERE s.source_account_id = $1 AND s.id = $2 FOR NO KEY UPDATE`,
    [accountId, id],
  );
  return rows[0]?.outbox ?? null;
}

/** Keeps outboxes. The SLOs' rows must be locked. */
export async function saveOutboxes({ client }: Tx, changed: readonly SloOutbox[]): Promise<void> {
  if (changed.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET alert_outbox = n.outbox, alert_due_at = n.due_at
     FROM unnest($1::text[], $2::uuid[], $3::jsonb[], $4::timestamptz[]) AS n(account, id, outbox, due_at)
     WHERE s.source_account_id = n.account AND s.id = n.id`,
    [
      changed.map(({ accountId }) => accountId),
      changed.map(({ id }) => id),
      changed.map(({ outbox }) => JSON.stringify(outbox)),
      changed.map(({ outbox }) => instantOrNull(nextDueMs(outbox))),
    ],
  );
}

/** Every outbox that is not empty, of the accounts in the virtual shards; null for all. */
export async function selectOutboxes({ client }: Tx, shards: readonly number[] | null): Promise<SloOutbox[]> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT ${COLUMNS} FROM np_slos s WHERE s.alert_outbox <> '[]' AND ${IN_SHARDS}
     ORDER BY s.source_account_id, s.id`,
    [shards],
  );
  return rows.map(outboxOf);
}

/**
 * SLOs with an alert of which was last told that it fires: a page of them in the order of account and id, those after
 * `after`, of the accounts in the virtual shards; null for all.
 */
export async function selectToldSlos(
  { orm }: Tx,
  shards: readonly number[] | null,
  after: SloKey | null,
  limit: number,
): Promise<Slo[]> {
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        sql`jsonb_path_exists(${npSlos.alerts}, '$.*.told ? (@.untilMs == null)')`,
        inShards(shards),
        after === null
          ? undefined
          : sql`(${npSlos.sourceAccountId}, ${npSlos.id}) > (${after.accountId}, ${after.id}::uuid)`,
      ),
    )
    .orderBy(asc(npSlos.sourceAccountId), asc(npSlos.id))
    .limit(limit);
  return rows.map(sloOf);
}
