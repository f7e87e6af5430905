import { z } from 'zod';
import type { ErrorDetail } from '../lib/errors.ts';
import { parseRfc3339 } from '../lib/rfc3339.ts';
import type { Sli } from './definition.ts';
import type { Point } from './sli.ts';
import { countsAgree } from './sli.ts';

/** Above 2^53 - 1 counts are no longer exact. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

const AT_MESSAGE = 'must be an RFC 3339 time with Z or an offset, such as 2026-01-31T12:00:00Z';

const countSchema = z.number().min(0).max(MAX_COUNT).nullish();

/** A measurement on the wire, for documentation; `readPoint` checks the same, and more, faster. */
export const pointSchema = z
  .strictObject({
    at: z
      .string()
      .refine((text) => parseRfc3339(text) !== null, { error: AT_MESSAGE })
      .meta({ description: 'RFC 3339; the point counts in the minute that holds it.', format: 'date-time' }),
    good: countSchema.meta({ description: 'Good events; ratio SLIs.' }),
    total: countSchema.meta({ description: 'All events; ratio SLIs.' }),
    bad: countSchema.meta({ description: 'Bad events; ratio SLIs.' }),
    value: z
      .union([z.number(), z.boolean()])
      .nullish()
      .meta({ description: 'The measured value; threshold SLIs. true is 1, false is 0.' }),
    objective: z.string().nullish().meta({ description: 'One objective; all of them by default.' }),
  })
  .meta({ description: 'Ratio SLIs take any of good, bad and total, threshold SLIs a value.' });

/** What is wrong with a point; paths are relative to it, `''` for the whole point. */
export interface PointFaults {
  readonly faults: readonly ErrorDetail[];
}

export function isFaulty(result: Point | PointFaults): result is PointFaults {
  return 'faults' in result;
}

/**
 * Reads one point for an SLO, or says all that is wrong with it. `ownField` is a further field that the
 * caller reads itself, such as `slo` in a stream. Hand-checked: it runs for millions of lines.
 */
export function readPoint(
  raw: unknown,
  sli: Sli,
  objectiveNames: readonly string[],
  ownField?: string,
): Point | PointFaults {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return { faults: [{ path: '', message: 'must be an object' }] };
  }
  const fields = raw as RawPoint;
  const faults: ErrorDetail[] = [];
  for (const key in fields) {
    if (!isKnown(key) && key !== ownField) faults.push({ path: shown(key), message: 'is not a known field' });
    if (faults.length >= 20) break;
  }
  const point: Point = {
    atMs: readTime(fields.at, faults),
    objective: readObjective(fields.objective, objectiveNames, faults),
    good: readCount('good', fields.good, faults),
    total: readCount('total', fields.total, faults),
    bad: readCount('bad', fields.bad, faults),
    value: readValue(fields.value, faults),
  };
  // A field that is there but wrong reads as null; it must not be called missing too.
  checkFields(point, fields, sli, faults);
  return faults.length === 0 ? point : { faults };
}

/** A point of which each field by itself is right, or what is wrong with it for this SLI. */
export function checkPoint(point: Point, sli: Sli): Point | PointFaults {
  const faults: ErrorDetail[] = [];
  checkFields(point, point, sli, faults);
  return faults.length === 0 ? point : { faults };
}

function checkFields(point: Point, fields: RawPoint, sli: Sli, faults: ErrorDetail[]): void {
  switch (sli.type) {
    case 'ratio':
      checkRatio(point, fields, sli.incremental, faults);
      break;
    case 'threshold':
      checkThreshold(fields, faults);
      break;
    case 'composite':
      faults.push({ path: '', message: 'cannot be: a composite counts by its components alone' });
      break;
  }
}

/** Any object, read by the fields that a point may have. */
interface RawPoint {
  readonly at?: unknown;
  readonly good?: unknown;
  readonly total?: unknown;
  readonly bad?: unknown;
  readonly value?: unknown;
  readonly objective?: unknown;
}

function isKnown(key: string): boolean {
  switch (key) {
    case 'at':
    case 'good':
    case 'total':
    case 'bad':
    case 'value':
    case 'objective':
      return true;
    default:
      return false;
  }
}

function readTime(at: unknown, faults: ErrorDetail[]): number {
  if (at === undefined || at === null) {
    faults.push({ path: 'at', message: 'is required' });
    return 0;
  }
  const ms = typeof at === 'string' ? parseRfc3339(at) : null;
  if (ms === null) faults.push({ path: 'at', message: AT_MESSAGE });
  return ms ?? 0;
}

function readObjective(
  objective: unknown,
  objectiveNames: readonly string[],
  faults: ErrorDetail[],
): string | null {
  if (objective === undefined || objective === null) return null;
  if (typeof objective === 'string' && objectiveNames.includes(objective)) return objective;
  const message = typeof objective === 'string' ? 'is not an objective of this SLO' : 'must be a string';
  faults.push({ path: 'objective', message });
  return null;
}

function readCount(path: string, count: unknown, faults: ErrorDetail[]): number | null {
  if (count === undefined || count === null) return null;
  if (typeof count === 'number' && count >= 0 && count <= MAX_COUNT) return count;
  faults.push({ path, message: countFault(count) });
  return null;
}

function countFault(count: unknown): string {
  if (typeof count !== 'number') return 'must be a number';
  if (!Number.isFinite(count)) return 'must be a finite number';
  return count < 0 ? 'must be at least 0' : `must be at most ${MAX_COUNT}`;
}

function readValue(value: unknown, faults: ErrorDetail[]): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const message = typeof value === 'number' ? 'must be a finite number' : 'must be a number, true or false';
  faults.push({ path: 'value', message });
  return null;
}

function checkRatio(point: Point, fields: RawPoint, incremental: boolean, faults: ErrorDetail[]): void {
  const { good, bad, total } = point;
  if (isGiven(fields.value)) faults.push({ path: 'value', message: 'applies only to threshold SLIs' });
  if (!isGiven(fields.good) && !isGiven(fields.bad) && !isGiven(fields.total)) {
    faults.push({ path: '', message: 'needs at least one of good, bad and total' });
  }
  // Counters begin anywhere: only their increases compare.
  if (total === null || incremental) return;
  if (good !== null && good > total) faults.push({ path: 'good', message: 'must not be above total' });
  else if (bad !== null && bad > total) faults.push({ path: 'bad', message: 'must not be above total' });
  else if (good !== null && bad !== null && !countsAgree(good, bad, total)) {
    faults.push({ path: 'total', message: 'must be the sum of good and bad' });
  }
}

function checkThreshold(fields: RawPoint, faults: ErrorDetail[]): void {
  if (!isGiven(fields.value)) faults.push({ path: 'value', message: 'is required' });
  const message = 'applies only to ratio SLIs';
  if (isGiven(fields.good)) faults.push({ path: 'good', message });
  if (isGiven(fields.bad)) faults.push({ path: 'bad', message });
  if (isGiven(fields.total)) faults.push({ path: 'total', message });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function shown(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64)}...` : key;
}
