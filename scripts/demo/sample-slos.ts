import type { SampleWorld } from './measures.ts';
import { mediaSlos, platformSlos } from './platform-slos.ts';
import type { SampleSlo } from './sample-slo.ts';
import { shopSlos } from './shop-slos.ts';

/** A dozen SLOs, one of every kind, in an order in which they can be created. */
export function sampleSlos(world: SampleWorld): SampleSlo[] {
  return [...shopSlos(world), ...platformSlos(world), ...mediaSlos(world)];
}
