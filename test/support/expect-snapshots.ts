import { expect } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { ruleAt } from '../../src/slo/revision.ts';
import { objectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import { bruteStraddle, bruteSumsBetween, type UsedMinute } from './brute-force.ts';
import type { TestDatabase } from './database.ts';

/** Equal numbers, but for what is lost by rounding. */
const isClose = (actual: unknown, expected: number | null): boolean => {
  if (expected === null || typeof actual !== 'number') return actual === expected;
  return Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
};

export interface ExpectedSnapshots {
  readonly database: TestDatabase;
  readonly ctx: ServiceContext;
  readonly id: string;
  /** `default` where none is named: the primary one, by which the status columns are. */
  readonly objective?: string;
  /** All that is stored of it. */
  readonly minutes: readonly UsedMinute[];
  /** Whether every snapshot is to stand by now, or only those that do must be right. */
  readonly complete: boolean;
  /** Snapshots are looked at each so many minutes, statuses each so many. */
  readonly every?: { readonly snapshot: number; readonly status: number };
}

/** Compares the SLO's snapshots, its statuses and its status columns with those computed from all its minutes. */
export async function expectSnapshots({
  database,
  ctx,
  id,
  objective = 'default',
  minutes,
  complete,
  every = { snapshot: 1, status: 37 },
}: ExpectedSnapshots): Promise<void> {
  const slo = await getSlo({ ctx, input: { id } });
  const nowMs = Math.floor(ctx.clock.now() / MINUTE_MS) * MINUTE_MS;
  const rows = await database.query<{ at: Date; state: string | null; [column: string]: unknown }>(
    'SELECT * FROM np_slo_snapshots WHERE slo_id = $1 AND objective = $2 ORDER BY at',
    [id, objective],
  );
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
  expect(byTime.size).toBe(rows.length);
  const first = Math.min(...minutes.map(({ minuteMs }) => minuteMs));
  let probes = 0;
  for (let at = first - 3 * MINUTE_MS; at <= nowMs; at += MINUTE_MS) {
    const isProbed = at % (every.status * MINUTE_MS) === 0 || at === nowMs;
    if (!isProbed && at % (every.snapshot * MINUTE_MS) !== 0) continue;
    const where = new Date(at).toISOString();
    const rule = ruleAt(slo, objective, at);
    if (rule === null) throw new Error('no rule');
    const seen = minutes.filter(({ minuteMs }) => minuteMs + MINUTE_MS <= at);
    const window = windowAt(rule.timeWindow, at);
    const sums = bruteSumsBetween(rule, seen);
    const expected = objectiveStatus(rule, at, sums, bruteStraddle(rule, window, seen));
    const row = byTime.get(at);
    const snapshot = row?.state === null ? undefined : row;
    if (complete && expected.reliability !== null) expect(snapshot, where).toBeDefined();
    if (snapshot !== undefined) {
      expect(snapshot.state, where).toBe(expected.state);
      for (const [column, value] of [
        ['reliability', expected.reliability],
        ['budget', expected.budget],
        ['burn_rate', expected.burnRate],
        ['count_good', expected.countGood],
        ['count_total', expected.countTotal],
      ] as const) {
        expect(isClose(snapshot[column], value), `${where} ${column} ${snapshot[column]} ${value}`).toBe(
          true,
        );
      }
    }
    if (!isProbed) continue;
    probes += 1;
    const statuses = (await readStatuses({ ctx, input: { slos: [slo], atMs: at } })).get(id)?.objectives;
    const status = statuses?.find((one) => one.objective === objective);
    const read = `read at ${where}: ${status?.reliability} ${expected.reliability}`;
    expect(isClose(status?.reliability ?? null, expected.reliability), read).toBe(true);
    expect(status?.state, read).toBe(expected.state);
  }
  expect(probes).toBeGreaterThan(0);
  const [columns] = await database.query<{ state: string; budget: number | null; evaluated_at: Date }>(
    'SELECT state, budget, evaluated_at FROM np_slos WHERE id = $1',
    [id],
  );
  if (!complete && columns?.evaluated_at.getTime() !== nowMs) return;
  const current = (await readStatuses({ ctx, input: { slos: [slo] } })).get(id);
  expect(columns?.state).toBe(current?.state);
  expect(columns?.evaluated_at.getTime()).toBe(nowMs);
  const shown = current?.objectives.find((one) => one.objective === 'default');
  expect(isClose(columns?.budget ?? null, shown?.budget ?? null)).toBe(true);
}
