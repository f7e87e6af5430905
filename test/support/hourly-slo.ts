import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { Slo } from '../../src/slo/definition.ts';

/** An SLO over a rolling hour, the rest as it is written over REST. */
export const createHourlySlo = (
  ctx: ServiceContext,
  input: Readonly<Record<string, unknown>>,
): Promise<Slo> => createSlo({ ctx, input: { time_window: { type: 'rolling', duration: '1h' }, ...input } });

export interface Minutes {
  /** The start of minute 0, in epoch milliseconds. */
  readonly fromMs: number;
  readonly count: number;
}

/** Pushes what `pointOf` says of minute n, in one request; null for a minute without a point. */
export async function recordMinutes(
  ctx: ServiceContext,
  id: string,
  { fromMs, count }: Minutes,
  pointOf: (n: number) => object | null,
): Promise<void> {
  const points = Array.from({ length: count }, (_, n) => {
    const point = pointOf(n);
    return point === null ? [] : [{ at: new Date(fromMs + n * MINUTE_MS).toISOString(), ...point }];
  });
  await recordMeasurements({ ctx, input: { id, body: { points: points.flat() } } });
}
