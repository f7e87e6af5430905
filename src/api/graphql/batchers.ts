import DataLoader from 'dataloader';
import { createGate, type Gate } from '../../lib/gate.ts';
import type { ServiceContext } from '../../services/context.ts';
import { findSlos } from '../../services/find-slos.ts';
import type { SloBurnRate } from '../../services/read-burn-rate.ts';
import { readBurnRates } from '../../services/read-burn-rate.ts';
import type { SloStatus } from '../../services/read-status.ts';
import { readStatuses } from '../../services/read-status.ts';
import type { Slo } from '../../slo/definition.ts';

/** Gathers what the fields of one request ask for, so that any number of them costs a few statements. */
export interface Batchers {
  /** By UUID or `project.name`; null when not found or another account's. */
  slo(id: string): Promise<Slo | null>;
  /** At a time, or now. */
  status(slo: Slo, atMs: number | undefined): Promise<SloStatus>;
  burnRate(slo: Slo, atMs: number | undefined): Promise<SloBurnRate>;
  /** For reads that cannot be batched: one document may not take every connection to the database. */
  readonly gate: Gate;
}

const UNBATCHED_READS = 4;

/**
 * Batches only and never remembers (`cache: false`): a mutation changes what a later field of the same
 * document reads. Keys that meet in one batch are asked for once.
 */
export function createBatchers(ctx: ServiceContext): Batchers {
  const slos = new DataLoader<string, Slo | null>(
    async (ids) => {
      const unique = [...new Set(ids)];
      const found = await findSlos({ ctx, input: { ids: unique } });
      const byId = new Map(unique.map((id, index) => [id, found[index] ?? null]));
      return ids.map((id) => byId.get(id) ?? null);
    },
    { cache: false },
  );
  const statuses = perTime((at) => perSlo((wanted) => readStatuses({ ctx, input: { slos: wanted, ...at } })));
  const burnRates = perTime((at) =>
    perSlo((wanted) => readBurnRates({ ctx, input: { slos: wanted, ...at } })),
  );
  return {
    slo: (id) => slos.load(id),
    status: (slo, atMs) => statuses(atMs).load(slo),
    burnRate: (slo, atMs) => burnRates(atMs).load(slo),
    gate: createGate(UNBATCHED_READS),
  };
}

/** A loader for each time asked for. */
function perTime<T>(
  create: (at: { readonly atMs?: number }) => DataLoader<Slo, T>,
): (atMs: number | undefined) => DataLoader<Slo, T> {
  const loaders = new Map<number | undefined, DataLoader<Slo, T>>();
  return (atMs) => {
    const known = loaders.get(atMs);
    if (known !== undefined) return known;
    const loader = create(atMs === undefined ? {} : { atMs });
    loaders.set(atMs, loader);
    return loader;
  };
}

function perSlo<T>(read: (slos: readonly Slo[]) => Promise<ReadonlyMap<string, T>>): DataLoader<Slo, T> {
  return new DataLoader<Slo, T>(
    async (wanted) => {
      const unique = [...new Map(wanted.map((slo) => [slo.id, slo])).values()];
      const found = await read(unique);
      return wanted.map((slo) => found.get(slo.id) ?? new Error(`nothing was read for SLO ${slo.id}`));
    },
    { cache: false },
  );
}
