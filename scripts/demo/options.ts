import { StartError } from '../../src/lib/errors.ts';
import { HISTORY_DAYS } from './sample-slo.ts';

export interface DemoOptions {
  /** How many days of history the SLOs get. */
  readonly days: number;
  /** Decides every number of the sample. */
  readonly seed: number;
}

function integer(
  name: string,
  text: string | undefined,
  [least, most, fallback]: readonly [number, number, number],
): number {
  if (text === undefined || text === '') return fallback;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new StartError(
    `${name}: expected a whole number from ${least} to ${most} (got ${JSON.stringify(text)})`,
    78,
  );
}

/** Reads DEMO_DAYS and DEMO_SEED. Throws a StartError (78). */
export function demoOptions(env: Readonly<Record<string, string | undefined>>): DemoOptions {
  return {
    days: integer('DEMO_DAYS', env.DEMO_DAYS, [1, HISTORY_DAYS, HISTORY_DAYS]),
    seed: integer('DEMO_SEED', env.DEMO_SEED, [0, 999_999_999, 1]),
  };
}
