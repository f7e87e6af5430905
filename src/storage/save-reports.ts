import { and, eq, inArray, sql } from 'drizzle-orm';
import type { ReportPeriod, ReportRow } from '../slo/report.ts';
import { saySame } from '../slo/report-figures.ts';
import type { Tx } from './client.ts';
import { type ReportPosition, type SloReporting, storedOf } from './reports.ts';
import { npSloReports } from './schema.ts';
import { instantOrNull } from './slo-rows.ts';

/** What was found out about the closed periods of an SLO. */
export interface SloReports extends SloReporting {
  readonly rows: readonly { readonly period: ReportPeriod; readonly row: ReportRow }[];
  /** Where the reports have come to with these rows. */
  readonly next: ReportPosition;
}

export interface SavedReports {
  /** Rows that are new, or say something else than before. */
  readonly written: number;
  /** SLOs whose position has moved; the others are somebody else's at this moment. */
  readonly moved: ReadonlySet<string>;
}

/**
 * Locks the SLOs, before all else: what is read and written after it is one step. One that somebody else is
 * writing is passed over, since waiting for it in any order but theirs could end in a deadlock.
 */
const MOVE = `
  UPDATE np_slos s SET report_due_at = o.next_due, reported_version = o.next_version
  FROM (
    SELECT n.source_account_id, n.id, k.next_due, k.next_version
    FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[], $5::timestamptz[], $6::bigint[])
      AS k(id, due, version, next_due, next_version)
    JOIN np_slos n ON n.source_account_id = $1 AND n.id = k.id
    WHERE n.report_due_at IS NOT DISTINCT FROM k.due AND n.reported_version IS NOT DISTINCT FROM k.version
    FOR NO KEY UPDATE OF n SKIP LOCKED
  ) o
  WHERE s.source_account_id = o.source_account_id AND s.id = o.id
  RETURNING s.id`;

/** The columns that the figures of a row are in, with their types. */
const FIGURES: readonly (readonly [column: string, type: string, of: (row: ReportRow) => unknown])[] = [
  ['ends_at', 'timestamptz', ({ endMs }) => new Date(endMs)],
  ['target', 'float8', ({ target }) => target],
  ['reliability', 'float8', ({ reliability }) => reliability],
  ['met', 'boolean', ({ met }) => met],
  ['good', 'float8', ({ good }) => good],
  ['total', 'float8', ({ total }) => total],
  ['bad', 'float8', ({ bad }) => bad],
  ['budget_used', 'float8', ({ budgetUsed }) => budgetUsed],
  ['minutes_observed', 'int', ({ minutesObserved }) => minutesObserved],
  ['minutes_bad', 'int', ({ minutesBad }) => minutesBad],
  ['longest_bad_minutes', 'int', ({ longestBadRun }) => longestBadRun],
  ['alerts_fired', 'int', ({ alertsFired }) => alertsFired],
];
const NAMES = FIGURES.map(([column]) => column);

const WRITE = `
  INSERT INTO np_slo_reports (source_account_id, created_at, slo_id, objective, period, starts_at, ${NAMES.join(', ')})
  SELECT $1, $2, k.* FROM unnest($3::uuid[], $4::text[], $5::np_slo_period[], $6::timestamptz[],
    ${FIGURES.map(([, type], i) => `$${i + 7}::${type}[]`).join(', ')})
    AS k(slo_id, objective, period, starts_at, ${NAMES.join(', ')})
  ON CONFLICT (source_account_id, slo_id, objective, period, starts_at) DO UPDATE SET
    ${NAMES.map((name) => `${name} = excluded.${name}`).join(', ')},
    revision = np_slo_reports.revision + 1, revised_at = $2`;

interface Row {
  readonly sloId: string;
  readonly period: ReportPeriod;
  readonly row: ReportRow;
}

const keyOf = ({ sloId, period, row: { objective, startMs } }: Row): string =>
  `${sloId} ${objective} ${period} ${startMs}`;

/**
 * Stores closed periods of SLOs of one account: new ones, and those that say something else than before, with
 * the next revision. Nothing of an SLO whose position has moved since it was read: then somebody else did the same.
 */
export async function saveReports(
  tx: Tx,
  accountId: string,
  reports: readonly SloReports[],
  nowMs: number,
): Promise<SavedReports> {
  const { rows: movedRows } = await tx.client.query<{ id: string }>({
    name: 'move-reports',
    text: MOVE,
    values: [
      accountId,
      reports.map(({ slo }) => slo.id),
      reports.map(({ position }) => instantOrNull(position.dueAtMs)),
      reports.map(({ position }) => position.version),
      reports.map(({ next }) => instantOrNull(next.dueAtMs)),
      reports.map(({ next }) => next.version),
    ],
  });
  const moved = new Set(movedRows.map(({ id }) => id));
  const found = reports.flatMap(({ slo, rows }): Row[] =>
    moved.has(slo.id) ? rows.map(({ period, row }) => ({ sloId: slo.id, period, row })) : [],
  );
  const stored = await storedAmong(tx, accountId, found);
  const changed = found.filter((one) => {
    const before = stored.get(keyOf(one));
    return before === undefined || !saySame(before, one.row);
  });
  if (changed.length > 0) {
    await tx.client.query({
      name: 'write-reports',
      text: WRITE,
      values: [
        accountId,
        new Date(nowMs),
        changed.map(({ sloId }) => sloId),
        changed.map(({ row }) => row.objective),
        changed.map(({ period }) => period),
        changed.map(({ row }) => new Date(row.startMs)),
        ...FIGURES.map(([, , of]) => changed.map(({ row }) => of(row))),
      ],
    });
  }
  return { written: changed.length, moved };
}

async function storedAmong(
  { orm }: Tx,
  accountId: string,
  rows: readonly Row[],
): Promise<Map<string, ReportRow>> {
  if (rows.length === 0) return new Map();
  const starts = [...new Set(rows.map(({ row }) => row.startMs))].map((ms) => new Date(ms));
  const found = await orm
    .select()
    .from(npSloReports)
    .where(
      and(
        eq(npSloReports.sourceAccountId, accountId),
        inArray(npSloReports.sloId, [...new Set(rows.map(({ sloId }) => sloId))]),
        sql`${npSloReports.startsAt} = ANY(${sql.param(starts)}::timestamptz[])`,
      ),
    );
  return new Map(
    found.map((one) => {
      const { sloId, period, row } = storedOf(one);
      return [keyOf({ sloId, period, row }), row];
    }),
  );
}
