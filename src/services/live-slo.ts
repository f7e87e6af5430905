import type { Slo } from '../slo/definition.ts';
import { firingAlerts } from '../slo/firing-alerts.ts';
import { selectAllSlos } from '../storage/slos.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';
import type { ServiceContext } from './context.ts';
import { readBurnRates, type SloBurnRate } from './read-burn-rate.ts';
import { readStatuses, type SloStatus } from './read-status.ts';

/** An SLO as it stood at one moment, read once for all who watch it. */
export interface LiveSlo {
  /** `state` is that of the status. */
  readonly slo: Slo;
  readonly status: SloStatus;
  /** Read when it is first asked for. */
  burnRate(): Promise<SloBurnRate>;
  /** Equal for two readings between which nothing has changed but the time. */
  readonly fingerprint: string;
}

/** Of one account: the SLOs of these ids, or all of them. */
export type LiveSelection = { readonly ids: readonly string[] } | 'all';

/** SLOs that are read in one transaction. */
const SLOS_A_READ = 500;

/** Reads the SLOs that there are, with their statuses; by id. */
export async function readLiveSlos(
  ctx: ServiceContext,
  selection: LiveSelection,
): Promise<Map<string, LiveSlo>> {
  const { accountId } = ctx.actor;
  const slos = await ctx.db.tenant(accountId, async (tx) =>
    selection === 'all'
      ? selectAllSlos(tx, accountId, {})
      : (await slosByReference(tx, accountId, selection.ids)).filter((slo) => slo !== null),
  );
  const live = new Map<string, LiveSlo>();
  for (let i = 0; i < slos.length; i += SLOS_A_READ) {
    const some = slos.slice(i, i + SLOS_A_READ);
    const statuses = await readStatuses({ ctx, input: { slos: some } });
    for (const slo of some) {
      const status = statuses.get(slo.id);
      if (status !== undefined) live.set(slo.id, liveSlo(ctx, { ...slo, state: status.state }, status));
    }
  }
  return live;
}

function liveSlo(ctx: ServiceContext, slo: Slo, status: SloStatus): LiveSlo {
  let burnRate: Promise<SloBurnRate> | undefined;
  return {
    slo,
    status,
    fingerprint: fingerprintOf(slo, status),
    burnRate() {
      burnRate ??= readBurnRate(ctx, slo, status.atMs);
      return burnRate;
    },
  };
}

async function readBurnRate(ctx: ServiceContext, slo: Slo, atMs: number): Promise<SloBurnRate> {
  const found = (await readBurnRates({ ctx, input: { slos: [slo], atMs } })).get(slo.id);
  if (found === undefined) throw new TypeError('The burn rate of an SLO was not read.');
  return found;
}

/** Time goes on by itself: its instant and the window that follows it are no change of a status. */
function fingerprintOf(slo: Slo, { state, objectives }: SloStatus): string {
  const figures = objectives.map(({ atMs: _at, window: _window, ...figure }) => figure);
  return JSON.stringify([slo.updatedAtMs, state, figures, firingAlerts(slo)]);
}
