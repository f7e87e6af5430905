import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import { endOfCount } from '../slo/rule.ts';
import type { MinuteReceived } from '../slo/sli.ts';
import { announceChanges } from '../storage/changes.ts';
import type { Tx } from '../storage/client.ts';
import { saveStatuses } from './bring-up-to-date.ts';
import type { KeptTotals } from './kept-totals.ts';
import { silenceOf } from './leave-silence.ts';
import { passOn } from './pass-on.ts';
import { rewriteSnapshots } from './rewrite-snapshots.ts';

/** What came in for one SLO, by objective; ascending, one entry a minute. The SLO's row must be locked. */
export interface SloMinutes {
  readonly slo: Slo;
  readonly minutes: ReadonlyMap<string, readonly MinuteReceived[]>;
  /** Whether more of the past is expected to follow; not with `complete`. */
  readonly goesOn?: boolean;
}

/** Start of the oldest and of the newest minute; null when nothing came in. */
function extent(minutes: SloMinutes['minutes']): { first: number; last: number } | null {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const received of minutes.values()) {
    first = Math.min(first, received[0]?.minuteMs ?? first);
    last = Math.max(last, received.at(-1)?.minuteMs ?? last);
  }
  return Number.isFinite(first) ? { first, last } : null;
}

/**
 * Writes what came in, every snapshot that it touches, and the SLOs' status columns. With `complete` the
 * snapshots reach to the last complete minute; else that is left to the one who completes the work, and
 * marked so in the SLOs' rows. All of it is announced. What is `kept` of the series is not read again.
 */
export async function storeMinutes(
  tx: Tx,
  all: readonly SloMinutes[],
  nowMs: number,
  { complete, kept = null }: { readonly complete: boolean; readonly kept?: KeptTotals | null },
): Promise<void> {
  const atMs = floorTo(nowMs, MINUTE_MS);
  const changed = all.flatMap(({ slo, minutes, goesOn = false }) => {
    const range = extent(minutes);
    if (range === null) return [];
    const lastDataAtMs = Math.max(slo.lastDataAtMs ?? range.last, range.last);
    const silentFromMs = goesOn ? silenceOf(slo, lastDataAtMs, atMs) : null;
    return [{ slo, minutes, range, lastDataAtMs, silentFromMs }];
  });
  const rewritten = await rewriteSnapshots(
    tx,
    changed.flatMap(({ slo, minutes, silentFromMs }) =>
      slo.objectives.flatMap(({ name }) => {
        const own = minutes.get(name) ?? [];
        const newest = own.at(-1);
        if (!complete && newest === undefined) return [];
        // Up to the end of the slice, in whose row it is counted.
        const extendToMs =
          complete || newest === undefined ? atMs : Math.min(atMs, endOfCount(slo, newest.minuteMs));
        return [{ slo, objective: name, changes: own, extendToMs, silentFromMs }];
      }),
    ),
    atMs,
    kept,
  );
  await saveStatuses(
    tx,
    changed.map(({ slo, range, lastDataAtMs }) => ({
      slo,
      lastDataAtMs,
      snapshotsUntilMs: complete ? atMs : Math.min(slo.snapshotsUntilMs ?? range.first, range.first),
      firstDataAtMs: Math.min(slo.firstDataAtMs ?? range.first, range.first),
      historyFromMs: rewritten.touchedFrom.get(slo.id) ?? null,
    })),
    nowMs,
    rewritten,
  );
  await announceChanges(
    tx,
    changed.map(({ slo, range }) => ({
      accountId: slo.accountId,
      sloIds: [slo.id],
      kind: 'history',
      fromMs: range.first,
    })),
  );
  await passOn(
    tx,
    changed.map(({ slo, range }) => ({ slo, fromMs: range.first })),
    nowMs,
    { complete },
  );
}
