import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import type { ObjectiveBurnRate } from '../slo/burn-rates.ts';
import type { Slo } from '../slo/definition.ts';
import { computeBurnRates } from './compute-statuses.ts';
import type { ServiceContext } from './context.ts';

export interface SloBurnRate {
  readonly sloId: string;
  readonly atMs: number;
  readonly objectives: readonly ObjectiveBurnRate[];
}

/** The burn rates and alert conditions of SLOs of the account, now or at a past instant, by SLO id. */
export async function readBurnRates({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: {
    readonly slos: readonly Slo[];
    readonly atMs?: number | undefined;
    readonly objective?: string | undefined;
  };
}): Promise<Map<string, SloBurnRate>> {
  const tMs = input.atMs ?? ctx.clock.now();
  const atMs = floorTo(tMs, MINUTE_MS);
  const { slos, objective } = input;
  if (objective !== undefined && slos.some((slo) => !slo.objectives.some(({ name }) => name === objective))) {
    throw new ServiceError('invalid', 'The SLO has no such objective.', {
      details: [{ path: 'objective', message: 'is not an objective of the SLO' }],
    });
  }
  const computed = await ctx.db.tenant(ctx.actor.accountId, (tx) =>
    computeBurnRates(tx, slos, tMs, objective ?? null),
  );
  return new Map(
    slos.map((slo) => [slo.id, { sloId: slo.id, atMs, objectives: computed.get(slo.id) ?? [] }]),
  );
}
