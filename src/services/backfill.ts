import { randomUUID } from 'node:crypto';
import { floorTo, formatDuration, MINUTE_MS } from '../lib/duration.ts';
import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import type { Slo } from '../slo/definition.ts';
import type { Backfill } from '../slo/pull-state.ts';
import { saveBackfills } from '../storage/pulls.ts';
import { assertMayWrite } from './authorize.ts';
import type { ServiceContext } from './context.ts';
import { lockSlo } from './find-slos.ts';

const goesOn = (backfill: Backfill | null): backfill is Backfill =>
  backfill !== null && backfill.finishedAtMs === null;

function rangeFaults(fromMs: number, toMs: number, nowMs: number, retentionMs: number): ErrorDetail[] {
  if (fromMs < nowMs - retentionMs) {
    const kept = formatDuration(retentionMs);
    return [{ path: 'from', message: `is older than ${kept}, as far as data is kept` }];
  }
  return toMs <= fromMs ? [{ path: 'to', message: 'must be at least a minute after from' }] : [];
}

/**
 * Asks for a past range of the SLO's source to be read, in whole minutes; up to now where there is no end. The
 * work is done in the background, a day at a time, and survives restarts. Asked again for the same range it is
 * the same work. `conflict` while another range is being read.
 */
export async function startBackfill({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string; readonly fromMs: number; readonly toMs?: number };
}): Promise<Slo> {
  assertMayWrite(ctx);
  const { accountId } = ctx.actor;
  const nowMs = ctx.clock.now();
  const fromMs = floorTo(input.fromMs, MINUTE_MS);
  const toMs = floorTo(Math.min(input.toMs ?? nowMs, nowMs), MINUTE_MS);
  return ctx.db.tenant(accountId, async (tx) => {
    const slo = await lockSlo(tx, accountId, input.id);
    if (slo.pull === null) {
      const why =
        slo.sli.type === 'composite' ? 'is made of other SLOs' : 'has its measurements pushed to it';
      throw new ServiceError('invalid', 'There is nothing to read for this SLO.', {
        details: [{ path: 'id', message: `is an SLO that ${why}: it has no source that can be read` }],
      });
    }
    const details = rangeFaults(fromMs, toMs, nowMs, ctx.retentionMs);
    if (details.length > 0) throw new ServiceError('invalid', 'The range cannot be read.', { details });
    if (goesOn(slo.backfill)) {
      // Without an end it is whatever end was meant the first time.
      const isSame =
        slo.backfill.fromMs === fromMs && (input.toMs === undefined || slo.backfill.toMs === toMs);
      if (isSame) return slo;
      throw new ServiceError(
        'conflict',
        'Another range of this SLO is being read; wait for it or cancel it.',
      );
    }
    const backfill: Backfill = {
      ...{ id: randomUUID(), fromMs, toMs, nextMs: fromMs },
      ...{ requestedAtMs: nowMs, finishedAtMs: null, minutes: 0, lastError: null },
    };
    await saveBackfills(tx, [{ slo, backfill }]);
    return { ...slo, backfill };
  });
}

/** Ends the reading of a past range where it stands. What was read stays. */
export async function cancelBackfill({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string };
}): Promise<Slo> {
  assertMayWrite(ctx);
  const { accountId } = ctx.actor;
  const nowMs = ctx.clock.now();
  return ctx.db.tenant(accountId, async (tx) => {
    const slo = await lockSlo(tx, accountId, input.id);
    if (!goesOn(slo.backfill)) return slo;
    const backfill = { ...slo.backfill, finishedAtMs: nowMs };
    await saveBackfills(tx, [{ slo, backfill }]);
    return { ...slo, backfill };
  });
}
