import { MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import { decodeFloat8Array, decodeInstantArray, decodeInt4Array } from './arrays.ts';
import type { Tx } from './client.ts';
import { RANGES, rangeParameters, type SeriesKey, STRETCH } from './series-columns.ts';
import { enoughToReadWhole } from './series-totals.ts';

/** Minutes of a series whose rows stand in `fromMs <= at <= toMs`. */
export interface UsedRange {
  readonly key: SeriesKey;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A minute with used counts; its row stands at its end. */
export interface UsedMinute {
  readonly at: number;
  readonly good: number;
  readonly total: number;
}

const EACH = `
  SELECT u.* FROM ${RANGES}
  CROSS JOIN LATERAL (
    SELECT array_send(array_agg(q.at)) AS ats, array_send(array_agg(q.used_good)) AS good,
      array_send(array_agg(q.used_total)) AS total
    FROM (
      SELECT s.* FROM ${STRETCH(['at', 'used_good', 'used_total'], 'k.from_at', 'k.to_at')}
      WHERE s.used_total IS NOT NULL ORDER BY s.at
    ) q
  ) u
  ORDER BY k.n`;

/** The rows of a minute are neighbours in the key: for most of an account's series one walk finds them all. */
const WHOLE = `
  SELECT array_send(array_agg(q.k)) AS k, array_send(array_agg(q.at)) AS ats,
    array_send(array_agg(q.used_good)) AS good, array_send(array_agg(q.used_total)) AS total
  FROM (
    SELECT k.n::int AS k, s.at, s.used_good, s.used_total
    FROM (
      SELECT r.slo_id, r.objective, r.at, r.used_good, r.used_total FROM np_slo_snapshots r
      WHERE r.source_account_id = $1 AND r.at >= $2 AND r.at <= $3 AND r.used_total IS NOT NULL OFFSET 0
    ) s
    JOIN unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS k(slo_id, objective, n)
      ON k.slo_id = s.slo_id AND k.objective = s.objective
  ) q`;

/** Rows that one answer brings. */
const ROWS_AT_A_TIME = 100_000;

interface UsedRow {
  ats: Buffer | null;
  good: Buffer | null;
  total: Buffer | null;
}

/** The used minutes of the ranges, ascending, and nothing else of them; one answer a range, in their order. */
export async function loadUsedMinutes(tx: Tx, ranges: readonly UsedRange[]): Promise<UsedMinute[][]> {
  const found: UsedMinute[][] = ranges.map(() => []);
  const numbered = ranges.map((range, n) => ({ ...range, n }));
  const single: (typeof numbered)[number][] = [];
  const alike = groupBy(numbered, ({ key, fromMs, toMs }) => `${fromMs} ${toMs} ${key.accountId}`);
  for (const group of alike.values()) {
    const [first] = group;
    if (first === undefined) continue;
    if (group.length >= (await enoughToReadWhole(tx, first.key.accountId))) await readWhole(tx, group, found);
    else single.push(...group);
  }
  await readEach(tx, single, found);
  return found;
}

type NumberedRange = UsedRange & { readonly n: number };

function take({ ats, good, total }: UsedRow, listOf: (i: number) => UsedMinute[] | undefined): void {
  const goods = decodeFloat8Array(good);
  const totals = decodeFloat8Array(total);
  decodeInstantArray(ats).forEach((at, i) => {
    listOf(i)?.push({ at, good: goods[i] ?? 0, total: totals[i] ?? 0 });
  });
}

async function readEach(
  tx: Tx,
  ranges: readonly NumberedRange[],
  found: readonly UsedMinute[][],
): Promise<void> {
  if (ranges.length === 0) return;
  const { rows } = await tx.client.query<UsedRow>({
    name: 'used-minutes',
    text: EACH,
    values: rangeParameters(
      ranges.map(({ key }) => key),
      ranges.map(({ fromMs, toMs }, series) => ({ series, fromMs, toMs })),
    ),
  });
  rows.forEach((row, i) => {
    take(row, () => found[ranges[i]?.n ?? -1]);
  });
}

/** The ranges are alike but for their series, which are of one account. */
async function readWhole(
  tx: Tx,
  ranges: readonly NumberedRange[],
  found: readonly UsedMinute[][],
): Promise<void> {
  const [first] = ranges;
  if (first === undefined) return;
  const { key, fromMs, toMs } = first;
  const stepMs = Math.ceil(ROWS_AT_A_TIME / ranges.length) * MINUTE_MS;
  for (let lowMs = fromMs; lowMs <= toMs; lowMs += stepMs) {
    const { rows } = await tx.client.query<UsedRow & { k: Buffer | null }>({
      name: 'used-minutes-whole',
      text: WHOLE,
      values: [
        key.accountId,
        new Date(lowMs),
        new Date(Math.min(lowMs + stepMs - MINUTE_MS, toMs)),
        ranges.map((range) => range.key.sloId),
        ranges.map((range) => range.key.objective),
      ],
    });
    for (const row of rows) {
      const k = decodeInt4Array(row.k);
      take(row, (i) => found[ranges[(k[i] ?? 0) - 1]?.n ?? -1]);
    }
  }
  // A join keeps no order.
  for (const { n } of ranges) found[n]?.sort((a, b) => a.at - b.at);
}
