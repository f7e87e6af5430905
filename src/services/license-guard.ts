import type { Logger } from 'pino';
import type { LicenseConfig } from '../config.ts';
import type { Clock } from '../lib/clock.ts';
import { MINUTE_MS } from '../lib/duration.ts';
import { ServiceError, StartError } from '../lib/errors.ts';
import type { LicenseGuard } from './context.ts';
import { type LicenseState, readLicense } from './license.ts';

/** How long a reading of the licence's files holds. */
const REREAD_MS = MINUTE_MS;

export interface LicenseGuardOptions {
  readonly config: { readonly license: LicenseConfig; readonly production: boolean };
  readonly homeDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Reads the licence, and again now and then, so that one that goes stale or is renewed takes effect without a
 * restart. Throws a StartError (78) where the service may not start; later a refusal is read-only.
 */
export function createLicenseGuard({ config, homeDir, clock, logger }: LicenseGuardOptions): LicenseGuard {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let state: LicenseState | null = null;

  function current(): LicenseState {
    const nowMs = clock.now();
    if (state !== null && nowMs - readAtMs < REREAD_MS) return state;
    const next = readLicense({ ...config, homeDir, nowMs });
    if (next.warning !== null && next.warning !== state?.warning) {
      logger.warn({ mode: next.mode }, `NSELF_PLUGIN_LICENSE_KEY: ${next.warning}`);
    }
    readAtMs = nowMs;
    state = next;
    return next;
  }

  const first = readLicense({ ...config, homeDir, nowMs: clock.now() });
  if (first.refuse !== null) throw new StartError(`NSELF_PLUGIN_LICENSE_KEY: ${first.refuse}`, 78);
  current();

  return {
    assertCanChangeDefinitions() {
      if (current().mode === 'read_only') {
        // Why, with the server's files, stands in the log.
        throw new ServiceError(
          'license_stale',
          'The licence was not validated lately, so definitions are read-only; validate it with the nSelf CLI.',
        );
      }
    },
  };
}
