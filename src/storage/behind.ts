import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';

/** A stream whose newest data is older than this fills up the past. */
export const FILLING_BEHIND_MS = HOUR_MS;

const seconds = (ms: number): string => `interval '${ms / SECOND_MS} seconds'`;

/**
 * Whether a stream is filling up the SLO's past: its status was written in this minute or the one before, and
 * neither its data nor its snapshots reach to near there. Completed now, its snapshots up to the present would be
 * written anew with every later part of the stream. The stream completes them at its end; where it was killed they
 * are due in the second minute after.
 */
const isBeingFilled = (at: string): string =>
  `(evaluated_at >= ${at} - ${seconds(MINUTE_MS)} AND snapshots_until < evaluated_at
    AND last_data_at < ${at} - ${seconds(FILLING_BEHIND_MS)} AND recompute_from IS NULL)`;

/**
 * SQL for the rows of np_slos whose status or snapshots do not reach up to the minute, `at` in SQL. Those that a stream is
 * filling up are left to it.
 */
export const behindSql = (at: string): string =>
  `((evaluated_at IS NULL OR evaluated_at < ${at} OR snapshots_until < ${at} OR recompute_from IS NOT NULL)
    AND ${isBeingFilled(at)} IS NOT TRUE)`;
