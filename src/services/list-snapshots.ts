import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import { parseRfc3339 } from '../lib/rfc3339.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import type { Slo } from '../slo/definition.ts';
import { objectiveAt } from '../slo/revision.ts';
import { type SnapshotStatus, selectSnapshots } from '../storage/snapshots.ts';
import type { ServiceContext } from './context.ts';

/** The status of an objective at a minute. */
export interface Snapshot extends SnapshotStatus {
  /** In force then. */
  readonly target: number;
  /** The minute that ends here counts as if it never was. */
  readonly adjusted: boolean;
}

export interface ListSnapshotsInput {
  readonly slo: Slo;
  readonly objective?: string | undefined;
  /** A day before `toMs` by default. */
  readonly fromMs?: number | undefined;
  /** Now by default; inclusive, like `fromMs`. */
  readonly toMs?: number | undefined;
  /** Thins to the last snapshot in each step, which ends at a multiple of it; a minute or more. */
  readonly stepMs?: number | undefined;
  /** 1 to 10,000; 1,000 by default. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export const MAX_SNAPSHOTS = 10_000;
const DEFAULT_SNAPSHOTS = 1000;

interface Position {
  readonly atMs: number;
  readonly objective: string;
}

const encodeCursor = ({ atMs, objective }: Position): string =>
  Buffer.from(`${new Date(atMs).toISOString()} ${objective}`).toString('base64url');

function decodeCursor(cursor: string): Position | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const space = text.indexOf(' ');
  const atMs = parseRfc3339(text.slice(0, Math.max(0, space)));
  const position = atMs === null ? null : { atMs, objective: text.slice(space + 1) };
  return position !== null && encodeCursor(position) === cursor ? position : null;
}

function faultsOf({ slo, objective, fromMs, toMs, stepMs, limit }: ListSnapshotsInput): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (objective !== undefined && !slo.objectives.some(({ name }) => name === objective)) {
    details.push({ path: 'objective', message: 'is not an objective of the SLO' });
  }
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs) {
    details.push({ path: 'from', message: 'must not be after to' });
  }
  if (stepMs !== undefined && !(stepMs >= MINUTE_MS && stepMs % MINUTE_MS === 0)) {
    details.push({ path: 'step', message: 'must be a whole number of minutes, at least 1m' });
  }
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_SNAPSHOTS)) {
    details.push({ path: 'limit', message: `must be a whole number from 1 to ${MAX_SNAPSHOTS}` });
  }
  return details;
}

/** The snapshots of an SLO, oldest first, a page at a time. Throws `invalid` for a faulty range or cursor. */
export async function listSnapshots({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: ListSnapshotsInput;
}): Promise<{ items: Snapshot[]; nextCursor: string | null }> {
  const after = input.cursor === undefined ? null : decodeCursor(input.cursor);
  const details = faultsOf(input);
  if (input.cursor !== undefined && after === null) {
    details.push({ path: 'cursor', message: 'is not a cursor of this list' });
  }
  if (details.length > 0) throw new ServiceError('invalid', 'The snapshots cannot be listed.', { details });
  const { slo, objective, stepMs, limit = DEFAULT_SNAPSHOTS } = input;
  const toMs = input.toMs ?? ctx.clock.now();
  const fromMs = input.fromMs ?? toMs - DAY_MS;
  const rows = await ctx.db.tenant(ctx.actor.accountId, (tx) =>
    selectSnapshots(tx, {
      accountId: slo.accountId,
      sloId: slo.id,
      objective: objective ?? null,
      fromMs,
      toMs: Math.min(toMs, ctx.clock.now()),
      stepMs: stepMs ?? MINUTE_MS,
      after,
      limit: limit + 1,
    }),
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const firstMs = page[0]?.atMs ?? 0;
  const isAdjusted = adjustedFinder(slo.adjustments, firstMs - MINUTE_MS, last?.atMs ?? firstMs);
  return {
    items: page.map((row) => ({
      ...row,
      adjusted: isAdjusted(row.atMs - MINUTE_MS),
      target: objectiveAt(slo.revisions, row.objective, row.atMs)?.target ?? Number.NaN,
    })),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(last) : null,
  };
}
