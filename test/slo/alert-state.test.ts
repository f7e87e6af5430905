import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { episodesOf, type HeldRuns, OPEN_END, replaceRuns } from '../../src/slo/alert-runs.ts';
import {
  type AlertChange,
  type AlertState,
  NEVER_HELD,
  nextChangeMs,
  settleAlert,
} from '../../src/slo/alert-state.ts';
import { noDataRuns } from '../../src/slo/alert-watch.ts';

const never = (): boolean => false;
const at = (minute: number): number => minute * MINUTE_MS;

/** The runs of the minutes that hold. */
function runsOf(holds: readonly boolean[], from = 0): HeldRuns {
  const runs: number[] = [];
  holds.forEach((held, i) => {
    if (!held) return;
    if (runs.at(-1) === from + i - 1) runs[runs.length - 1] = from + i;
    else runs.push(from + i, from + i);
  });
  return runs;
}

/** Semantics 4 read minute by minute: fires when it holds, resolves when it has not held for so many minutes. */
function readOneByOne(holds: readonly boolean[], resolveAfter: number): [minute: number, change: string][] {
  const changes: [number, string][] = [];
  let lastHeld: number | null = null;
  holds.forEach((held, minute) => {
    if (held) {
      if (lastHeld === null) changes.push([minute, 'firing']);
      lastHeld = minute;
    } else if (lastHeld !== null && minute - lastHeld >= resolveAfter) {
      changes.push([minute, 'resolved']);
      lastHeld = null;
    }
  });
  return changes;
}

const history = fc.array(fc.boolean(), { minLength: 1, maxLength: 120 });
const resolveAfters = fc.integer({ min: 1, max: 15 });

describe('when an alert fires', () => {
  test('is what a minute-by-minute reading gives, in whatever order the minutes are judged', () => {
    const cuts = fc.array(fc.tuple(fc.nat(119), fc.nat(119), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(history, resolveAfters, cuts, (holds, resolveAfter, parts) => {
        let runs: HeldRuns = [];
        const judge = (from: number, until: number, seen: readonly boolean[]): void => {
          runs = replaceRuns(runs, from, until, runsOf(seen.slice(from, until + 1), from));
        };
        // Parts judged before their data was whole, and judged again, and then all of it.
        for (const [a, b, isWrong] of parts) {
          const seen = isWrong ? holds.map((held) => !held) : holds;
          judge(Math.min(a, b), Math.min(Math.max(a, b), holds.length - 1), seen);
        }
        const middle = Math.floor(holds.length / 2);
        judge(middle, holds.length - 1, holds);
        judge(0, middle, holds);
        const changes = episodesOf(runs, at(resolveAfter), at(holds.length - 1)).flatMap((episode) => [
          [episode.sinceMs / MINUTE_MS, 'firing'],
          ...(episode.endMs === null ? [] : [[episode.endMs / MINUTE_MS, 'resolved']]),
        ]);
        expect(changes).toEqual(readOneByOne(holds, resolveAfter));
      }),
    );
  });

  test('ends a resolve_after after the last minute that held', () => {
    // Held at 10 to 12 and at 16; with 5 minutes 16 <= 12 + 5 is the same alert, which ends at 16 + 5.
    expect(episodesOf([10, 12, 16, 16], at(5), at(30))).toEqual([
      { sinceMs: at(10), heldUntilMs: at(16), endMs: at(21) },
    ]);
    expect(episodesOf([10, 12, 18, 18], at(5), at(20))).toEqual([
      { sinceMs: at(10), heldUntilMs: at(12), endMs: at(17) },
      { sinceMs: at(18), heldUntilMs: at(18), endMs: null },
    ]);
  });

  test('does not know the future', () => {
    expect(episodesOf([10, 12], at(5), at(9))).toEqual([]);
  });
});

describe('what is told', () => {
  const settle = (
    state: AlertState,
    now: number,
    isSilenced: (atMs: number) => boolean = never,
    resolveAfter = 5,
  ) => settleAlert(state, { resolveAfterMs: at(resolveAfter), nowMs: at(now), isSilenced });

  test('is at every minute what a minute-by-minute reading gives', () => {
    fc.assert(
      fc.property(history, resolveAfters, (holds, resolveAfter) => {
        let state: AlertState = NEVER_HELD;
        const told: [number, string][] = [];
        holds.forEach((held, minute) => {
          state = { ...state, runs: replaceRuns(state.runs, minute, minute, held ? [minute, minute] : []) };
          const settled = settle(state, minute, never, resolveAfter);
          for (const { endMs } of settled.changes)
            told.push([minute, endMs === null ? 'firing' : 'resolved']);
          state = { ...state, told: settled.told };
        });
        expect(told).toEqual(readOneByOne(holds, resolveAfter));
      }),
    );
  });

  test('alternates and ends with how it stands, whatever is judged when, and again', () => {
    const step = fc.record({ holds: history, pause: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), resolveAfters, (steps, resolveAfter) => {
        let state: AlertState = NEVER_HELD;
        let now = 0;
        const told: AlertChange[] = [];
        for (const { holds, pause } of steps) {
          now = Math.max(now, holds.length - 1) + pause;
          state = { ...state, runs: replaceRuns(state.runs, 0, holds.length - 1, runsOf(holds)) };
          const settled = settle(state, now, never, resolveAfter);
          told.push(...settled.changes);
          state = { ...state, told: settled.told };
          // Nothing is told twice.
          expect(settle(state, now, never, resolveAfter).changes).toEqual([]);
          const fires = episodesOf(state.runs, at(resolveAfter), at(now)).at(-1)?.endMs === null;
          expect(told.at(-1)?.endMs === null).toBe(fires);
        }
        told.forEach(({ endMs }, i) => {
          expect(endMs === null).toBe(i % 2 === 0);
        });
      }),
    );
  });

  test('stays as it is until the next change that is foreseen, and changes then', () => {
    fc.assert(
      fc.property(history, resolveAfters, fc.nat(119), fc.nat(40), (holds, resolveAfter, now, silence) => {
        const runs = runsOf(holds);
        const isSilenced = (ms: number): boolean => ms < at(silence);
        const circumstances = { resolveAfterMs: at(resolveAfter), isSilenced };
        const { told } = settleAlert({ runs, told: null }, { ...circumstances, nowMs: at(now) });
        const next = nextChangeMs({ runs, told }, { ...circumstances, nowMs: at(now) });
        const changesAt = (minute: number) =>
          settleAlert({ runs, told }, { ...circumstances, nowMs: at(minute) }).changes;
        for (let minute = now; minute <= 200 && at(minute) < next; minute += 1) {
          expect(changesAt(minute), `${minute}`).toEqual([]);
        }
        // In a silence there may be nothing to tell then.
        if (Number.isFinite(next) && now >= silence) expect(changesAt(next / MINUTE_MS)).not.toEqual([]);
      }),
    );
  });

  test('late by minutes is told even when it is over already', () => {
    expect(settle({ runs: [10, 12], told: null }, 30).changes).toEqual([
      { sinceMs: at(10), endMs: null },
      { sinceMs: at(10), endMs: at(17) },
    ]);
  });

  test('late by more than an hour is history', () => {
    expect(settle({ runs: [10, 12], told: null }, 12 + HOUR_MS / MINUTE_MS + 1).changes).toEqual([]);
  });

  test('that late data takes back is resolved', () => {
    const firing = settle({ runs: [10, 12], told: null }, 12);
    expect(settle({ runs: [], told: firing.told }, 13).changes).toEqual([{ sinceMs: at(10), endMs: at(13) }]);
  });

  test('waits for the end of a silence, and is told only if it fires still', () => {
    const silenced = (atMs: number): boolean => atMs < at(20);
    const state = { runs: [10, 25], told: null };
    expect(settle(state, 19, silenced).changes).toEqual([]);
    expect(settle(state, 20, silenced).changes).toEqual([{ sinceMs: at(10), endMs: null }]);
    expect(settle({ runs: [10, 12], told: null }, 20, silenced).changes).toEqual([]);
  });

  test('resolves in a silence too', () => {
    const state = { runs: [10, 12], told: { sinceMs: at(10), untilMs: null } };
    expect(settle(state, 20, () => true).changes).toEqual([{ sinceMs: at(10), endMs: at(17) }]);
  });

  test('after a downtime is each change that was missed', () => {
    const state = { runs: [10, 12, 30, 40], told: { sinceMs: at(10), untilMs: null } };
    expect(settle(state, 40).changes).toEqual([
      { sinceMs: at(10), endMs: at(17) },
      { sinceMs: at(30), endMs: null },
    ]);
  });
});

describe('missing data', () => {
  const newest = (before: number, after = before) => ({ beforeMs: at(before), afterMs: at(after) });

  test('holds once nothing has come in for so long, until something does', () => {
    expect(noDataRuns([], newest(10), at(30), at(39))).toEqual([]);
    expect(noDataRuns([], newest(10), at(30), at(40))).toEqual([40, OPEN_END]);
    const runs = [40, OPEN_END];
    expect(noDataRuns(runs, newest(10), at(30), at(45))).toBe(runs);
    expect(episodesOf(runs, at(5), at(45))).toEqual([{ sinceMs: at(40), heldUntilMs: at(45), endMs: null }]);
  });

  test('stays what it was before new data came', () => {
    // The minute that ends at 47 has data: at 47 it does not hold any more.
    expect(noDataRuns([40, OPEN_END], newest(10, 47), at(30), at(48))).toEqual([40, 46]);
  });

  test('held though nobody looked before new data came', () => {
    expect(noDataRuns([], newest(10, 47), at(30), at(48))).toEqual([40, 46]);
    // What comes a little late each time leaves no gap.
    expect(noDataRuns([], newest(10, 11), at(30), at(48))).toEqual([41, OPEN_END]);
    expect(noDataRuns([], newest(10, 30), at(30), at(48))).toEqual([]);
  });
});
