import { z } from 'zod';
import { MINUTE_MS } from '../lib/duration.ts';
import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import { distinctDetails, parseOrThrow } from '../lib/validation.ts';
import type { Slo } from '../slo/definition.ts';
import { MinuteStream } from '../slo/minute-stream.ts';
import { isFaulty, pointSchema } from '../slo/point-schema.ts';
import type { Point } from '../slo/sli.ts';
import { assertMayWrite } from './authorize.ts';
import type { ServiceContext } from './context.ts';
import { getSlo, lockSlo } from './find-slos.ts';
import { storeMinutes } from './store-minutes.ts';
import { type PointBounds, takePoint } from './take-points.ts';

const MAX_POINTS = 10_000;

/** A batch of measurements of one SLO: all of them are stored, or none. */
export const measurementsSchema = z
  .strictObject({ points: z.array(pointSchema).min(1).max(MAX_POINTS) })
  .meta({ description: 'Measurements of one SLO, stored all or not at all.' });

/** The points themselves are read by hand, which says the same and is faster. */
const envelopeSchema = z.strictObject({ points: z.array(z.unknown()).min(1).max(MAX_POINTS) });

function takeAll(raw: readonly unknown[], slo: Slo, bounds: PointBounds): Point[] {
  const points: Point[] = [];
  const details: ErrorDetail[] = [];
  raw.forEach((item, i) => {
    const point = takePoint(item, slo, bounds);
    if (!isFaulty(point)) {
      points.push(point);
      return;
    }
    for (const { path, message } of point.faults) {
      details.push({ path: path === '' ? `points[${i}]` : `points[${i}].${path}`, message });
    }
  });
  if (details.length > 0) {
    throw new ServiceError('invalid', 'Nothing was stored, since not all points are valid.', {
      details: distinctDetails(details),
    });
  }
  return points;
}

/** Stores a batch of measurements of one SLO, with every snapshot that it touches, or nothing of it. */
export async function recordMeasurements({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string; readonly body: unknown };
}): Promise<{ accepted: number }> {
  assertMayWrite(ctx);
  const slo = await getSlo({ ctx, input });
  const { points: raw } = parseOrThrow(envelopeSchema, input.body, 'The measurements are not valid.');
  const nowMs = ctx.clock.now();
  const bounds = { nowMs, retentionMs: ctx.retentionMs };
  const oldestMs = takeAll(raw, slo, bounds).reduce((oldest, { atMs }) => Math.min(oldest, atMs), nowMs);
  await ctx.partitions.ensure(oldestMs, nowMs + 10 * MINUTE_MS);
  const accepted = await ctx.db.tenant(ctx.actor.accountId, async (tx) => {
    const locked = await lockSlo(tx, ctx.actor.accountId, slo.id);
    const stream = new MinuteStream('request');
    // Read again under the lock: the definition may have changed in between.
    const points = takeAll(raw, locked, bounds);
    for (const point of points) stream.add(locked, point);
    await storeMinutes(tx, [{ slo: locked, minutes: stream.drain() }], nowMs, { complete: true });
    return points.length;
  });
  ctx.onPointsStored(accepted);
  return { accepted };
}
