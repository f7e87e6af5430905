import { DAY_MS, HOUR_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import type { ObjectiveStatus } from '../slo/status.ts';
import { selectAllSlos } from '../storage/slos.ts';
import { selectBurnDays } from '../storage/snapshots.ts';
import { shownStatus } from './bring-up-to-date.ts';
import { computeBurnRates, computeStatuses } from './compute-statuses.ts';
import type { ServiceContext } from './context.ts';

/** An SLO as the nSelf admin page reads it. Percent where the name says so. */
export interface AdminSlo {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly targetPct: number;
  readonly currentPct: number | null;
  /** What is left of the budget, in minutes of the window. */
  readonly errorBudgetMinutes: number | null;
  readonly burnRate1h: number | null;
  readonly burnRate6h: number | null;
  readonly burnRate24h: number | null;
  readonly errorBudgetRemainingPct: number | null;
  /** Days of the last seven on which the 1 h burn rate was above 1: how long, and how high at most. */
  readonly breaches7d: readonly {
    readonly date: string;
    readonly durationMinutes: number;
    readonly burnRate: number;
  }[];
  /** The nearest of the page's windows that is not longer than the SLO's. */
  readonly window: '1h' | '6h' | '24h' | '72h';
}

const WINDOWS = [
  ['72h', 72 * HOUR_MS],
  ['24h', 24 * HOUR_MS],
  ['6h', 6 * HOUR_MS],
  ['1h', HOUR_MS],
] as const;

/** 7 for 0.07, where the product has a 1 in its last digit. */
const percentOf = (ratio: number): number => Number((ratio * 100).toPrecision(12));
const percent = (ratio: number | null): number | null => (ratio === null ? null : percentOf(ratio));

function windowOf(slo: Slo, status: ObjectiveStatus | undefined): AdminSlo['window'] {
  const lengthMs =
    slo.timeWindow.type === 'rolling' ? slo.timeWindow.durationMs : (status?.window.lengthMs ?? DAY_MS);
  return WINDOWS.find(([, ms]) => ms <= lengthMs)?.[0] ?? '1h';
}

/** The account's SLOs in the shape of the nSelf admin page. */
export async function adminOverview({
  ctx,
}: {
  ctx: ServiceContext;
}): Promise<{ slos: AdminSlo[]; generatedAtMs: number }> {
  const nowMs = ctx.clock.now();
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    const slos = await selectAllSlos(tx, accountId, {});
    const statuses = await computeStatuses(tx, slos, nowMs);
    const burns = await computeBurnRates(tx, slos, nowMs, null);
    const days = await selectBurnDays(tx, accountId, nowMs - 7 * DAY_MS, nowMs);
    return {
      generatedAtMs: nowMs,
      slos: slos.map((slo) => {
        const status = shownStatus(slo, statuses.get(slo.id) ?? []);
        const burn = burns.get(slo.id)?.find(({ objective }) => objective === status?.objective);
        const over = (window: string): number | null =>
          burn?.windows.find((candidate) => candidate.window === window)?.burnRate ?? null;
        return {
          id: slo.id,
          name: slo.displayName === '' ? slo.name : slo.displayName,
          description: slo.description,
          targetPct: percentOf(status?.target ?? slo.objectives[0]?.target ?? 0),
          currentPct: percent(status?.reliability ?? null),
          errorBudgetMinutes: status?.budgetMinutesRemaining ?? null,
          burnRate1h: over('1h'),
          burnRate6h: over('6h'),
          burnRate24h: over('1d'),
          errorBudgetRemainingPct: percent(status?.budget ?? null),
          breaches7d: days
            .filter(({ sloId }) => sloId === slo.id)
            .map(({ date, minutes, burnRate }) => ({ date, durationMinutes: minutes, burnRate })),
          window: windowOf(slo, status),
        };
      }),
    };
  });
}
