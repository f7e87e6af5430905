import { z } from 'zod';
import { DAY_MS, formatDuration, MINUTE_MS, parseDuration } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import { formatRfc3339, parseRfc3339 } from '../lib/rfc3339.ts';
import { parseOrThrow } from '../lib/validation.ts';
import { type BudgetAdjustment, isWholeMinutes, rruleFault } from './adjustment.ts';
import { displayNameSchema } from './definition-fields.ts';

const MAX_DURATION_MS = 366 * DAY_MS;
/** How far away from now an adjustment may begin. */
const MAX_DISTANCE_MS = 3660 * DAY_MS;

const time = z
  .string()
  .refine((text) => parseRfc3339(text) !== null, {
    error: 'must be an RFC 3339 time with Z or an offset, such as 2026-01-31T12:00:00Z',
    abort: true,
  })
  .refine((text) => isWholeMinutes(parseRfc3339(text) ?? 0), { error: 'must be a whole minute' })
  .meta({
    description: 'Where it begins, for the first time if it recurs. A whole minute.',
    format: 'date-time',
  });

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, {
    error: 'must be a duration such as 30m, 2h or 1d',
    abort: true,
  })
  .refine((text) => isWholeMinutes(parseDuration(text) ?? 0), { error: 'must be whole minutes', abort: true })
  .refine((text) => (parseDuration(text) ?? 0) <= MAX_DURATION_MS, { error: 'must be at most 366d' })
  .meta({ description: 'How long it is, at least 1m, in whole minutes.', example: '30m' });

const rrule = z.string().max(500).meta({
  description:
    'How it recurs, hourly at most (RFC 5545); in the time zone of a calendar window, else in UTC. Once by default.',
  example: 'FREQ=WEEKLY;BYDAY=SU',
});

/** A budget adjustment to be added. */
export const adjustmentInputSchema = z.strictObject({
  starts_at: time,
  duration,
  rrule: rrule.nullish(),
  reason: displayNameSchema.nullish().meta({ description: 'For people.' }),
});

/** A budget adjustment as it is read. */
export const adjustmentSchema = z
  .strictObject({
    id: z.uuid(),
    starts_at: z.string().meta({ format: 'date-time' }),
    duration: z.string(),
    rrule: z.string().nullable(),
    time_zone: z.string().meta({ description: 'In whose time it recurs.' }),
    reason: z.string(),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'BudgetAdjustment' });

/** Reads an adjustment of an SLO. Throws ServiceError `invalid` with a detail per fault. */
export function parseAdjustment(
  input: unknown,
  { id, timeZone, nowMs }: { readonly id: string; readonly timeZone: string; readonly nowMs: number },
): BudgetAdjustment {
  const message = 'The adjustment is not valid.';
  const read = parseOrThrow(adjustmentInputSchema, input, message);
  const startsAtMs = parseRfc3339(read.starts_at) ?? Number.NaN;
  const invalid = (path: string, fault: string): ServiceError =>
    new ServiceError('invalid', message, { details: [{ path, message: fault }] });
  if (!(Math.abs(startsAtMs - nowMs) <= MAX_DISTANCE_MS)) {
    throw invalid('starts_at', 'must be within ten years');
  }
  const rule = read.rrule?.replace(/^RRULE:/, '').toUpperCase() ?? null;
  const fault = rule === null ? null : rruleFault(rule, startsAtMs, timeZone);
  if (fault !== null) throw invalid('rrule', fault);
  return {
    id,
    startsAtMs,
    durationMs: parseDuration(read.duration) ?? MINUTE_MS,
    rrule: rule,
    timeZone,
    reason: read.reason ?? '',
    createdAtMs: nowMs,
  };
}

/** The adjustment as the API shows it. */
export function adjustmentToWire(adjustment: BudgetAdjustment): z.infer<typeof adjustmentSchema> {
  return {
    id: adjustment.id,
    starts_at: formatRfc3339(adjustment.startsAtMs),
    duration: formatDuration(adjustment.durationMs),
    rrule: adjustment.rrule,
    time_zone: adjustment.timeZone,
    reason: adjustment.reason,
    created_at: formatRfc3339(adjustment.createdAtMs),
  };
}
