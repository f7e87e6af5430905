import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';

/** A time in an answer: UTC, RFC 3339. */
export const timeSchema = z.string().meta({ format: 'date-time', example: '2026-11-10T00:30:00Z' });

/** The time as text; no time is null. */
export function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : formatRfc3339(ms);
}
