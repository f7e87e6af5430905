import { formatDuration, MINUTE_MS } from '../lib/duration.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import type { Slo } from '../slo/definition.ts';
import { checkPoint, isFaulty, type PointFaults, readPoint } from '../slo/point-schema.ts';
import { objectiveAt } from '../slo/revision.ts';
import type { Point } from '../slo/sli.ts';

const FUTURE_MS = 5 * MINUTE_MS;

/** What decides whether a point is taken, besides the SLO. */
export interface PointBounds {
  readonly nowMs: number;
  readonly retentionMs: number;
}

function timeFault(slo: Slo, point: Point, { nowMs, retentionMs }: PointBounds): ErrorDetail | null {
  if (point.atMs > nowMs + FUTURE_MS) {
    return { path: 'at', message: 'is more than 5 minutes in the future' };
  }
  if (point.atMs < nowMs - retentionMs) {
    return { path: 'at', message: `is older than ${formatDuration(retentionMs)}, as far as data is kept` };
  }
  if (point.objective !== null && objectiveAt(slo.revisions, point.objective, point.atMs) === null) {
    return { path: 'at', message: `is before the objective ${point.objective} was created` };
  }
  return null;
}

/** Reads one point for an SLO, or says all that is wrong with it. */
export function takePoint(
  raw: unknown,
  slo: Slo,
  bounds: PointBounds,
  ownField?: string,
): Point | PointFaults {
  const names = slo.objectives.map(({ name }) => name);
  return inTime(readPoint(raw, slo.sli, names, ownField), slo, bounds);
}

/** A point for an SLO of which each field by itself is right, or all that is wrong with it. */
export function takePlainPoint(point: Point, slo: Slo, bounds: PointBounds): Point | PointFaults {
  return inTime(checkPoint(point, slo.sli), slo, bounds);
}

function inTime(point: Point | PointFaults, slo: Slo, bounds: PointBounds): Point | PointFaults {
  if (isFaulty(point)) return point;
  const fault = timeFault(slo, point, bounds);
  return fault === null ? point : { faults: [fault] };
}
