import { MINUTE_MS } from '../lib/duration.ts';
import type { SourceRead } from '../services/pull-minutes.ts';
import { nextBackfillSlice } from '../slo/pull.ts';
import type { MinuteRange } from '../slo/pull-state.ts';
import {
  type SourceAnswer,
  SourceError,
  type SourceReader,
  type SourceRequest,
} from '../sources/source-reader.ts';

/** Minutes of one SLO that are stored at once, at most: what computing them takes of memory grows with them. */
const MINUTES_AN_SLO = 30_000;

/** What was read for an SLO, and how it was asked for. */
export interface ReadTask extends SourceRead {
  readonly request: SourceRequest;
}

export interface ReadOnLimits {
  /** Minutes of all SLOs together, and points, so that they stay small in memory. */
  readonly minutes: number;
  /** Asked before each further read. */
  readonly mayGoOn: () => boolean;
}

/**
 * Reads the next slices of backfills too, so that more of them is stored at once: every part that is stored changes
 * all snapshots between it and the present. What cannot be read ends it; the next round meets that as its first.
 * Throws what is no SourceError.
 */
export async function readOn(
  reader: SourceReader,
  reads: readonly ReadTask[],
  { minutes, mayGoOn }: ReadOnLimits,
  signal: AbortSignal,
): Promise<readonly ReadTask[]> {
  const gathered = [...reads];
  const ended = new Set<number>();
  for (;;) {
    const next = nextOf(gathered, ended);
    const held = gathered.reduce(
      (sum, { range, points }) => sum + Math.max(minutesOf(range), points.length),
      0,
    );
    const more = next.reduce((sum, { request }) => sum + minutesOf(request), 0);
    if (next.length === 0 || held + more > minutes || !mayGoOn()) return gathered;
    const answers = await answersOf(
      reader,
      next.map(({ request }) => request),
      signal,
    );
    if (answers === null) return gathered;
    next.forEach(({ place, request }, i) => {
      const answer = answers[i];
      const before = gathered[place];
      if (answer === undefined || before === undefined)
        throw new RangeError('A source has not answered each request.');
      if ('failure' in answer) {
        ended.add(place);
        return;
      }
      gathered[place] = {
        ...before,
        range: { fromMs: before.range.fromMs, toMs: request.toMs },
        points: before.points.concat(answer.points),
        note: answer.note ?? before.note,
      };
    });
  }
}

const minutesOf = ({ fromMs, toMs }: MinuteRange): number => (toMs - fromMs) / MINUTE_MS;

interface Next {
  /** Among all that were read. */
  readonly place: number;
  readonly request: SourceRequest;
}

/** The next slices, as long as the first ones. Requests of one call must ask for the same minutes. */
function nextOf(gathered: readonly ReadTask[], ended: ReadonlySet<number>): Next[] {
  const all = gathered.flatMap(({ slo: { backfill }, isBackfill, range, request }, place): Next[] => {
    if (!isBackfill || backfill === null || ended.has(place) || range.toMs >= backfill.toMs) return [];
    const slice = nextBackfillSlice({ ...backfill, nextMs: range.toMs }, request.toMs - request.fromMs);
    const isMuch = minutesOf(range) + minutesOf(slice) > MINUTES_AN_SLO;
    return isMuch ? [] : [{ place, request: { ...request, ...slice } }];
  });
  const [first] = all;
  return all.filter(
    ({ request: { fromMs, toMs } }) => fromMs === first?.request.fromMs && toMs === first.request.toMs,
  );
}

async function answersOf(
  reader: SourceReader,
  requests: readonly SourceRequest[],
  signal: AbortSignal,
): Promise<readonly SourceAnswer[] | null> {
  try {
    return await reader.read(requests, signal);
  } catch (error) {
    if (error instanceof SourceError) return null;
    throw error;
  }
}
