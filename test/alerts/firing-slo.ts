import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { Slo } from '../../src/slo/definition.ts';
import { actingAs, type TestEnvironment } from '../support/environment.ts';

/** At a target of 0.99 only bad events burn at 100, and only good ones at 0. */
const PAGE = { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 10 };

export interface FiringSlo {
  readonly id: string;
  read(): Promise<Slo>;
  /** Sixty bad minutes before now: the alert begins to fire, and a message of it is due. */
  fire(): Promise<void>;
  /** An hour later, of good minutes: the alert has resolved, and a message of it is due. */
  resolve(): Promise<void>;
}

/** An SLO with one alert, `default/burn_rate:1h:5m:page`, to be moved by hand. */
export async function createFiringSlo(
  env: TestEnvironment,
  accountId: string,
  name: string,
  policy: object = {},
): Promise<FiringSlo> {
  const ctx = actingAs(env, accountId);
  const { id } = await createSlo({
    ctx,
    input: { name, target: 0.99, alert_policy: { conditions: [PAGE], ...policy } },
  });
  const push = async (good: number): Promise<void> => {
    const points = Array.from({ length: 60 }, (_, i) => ({
      at: new Date(env.clock.now() - (i + 1) * MINUTE_MS).toISOString(),
      good,
      total: 10,
    }));
    await recordMeasurements({ ctx, input: { id, body: { points } } });
  };
  return {
    id,
    read: () => getSlo({ ctx, input: { id } }),
    fire: () => push(0),
    async resolve() {
      env.clock.advance(60 * MINUTE_MS);
      await push(10);
      await evaluate(env);
    },
  };
}
