import { SECOND_MS } from '../lib/duration.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { storeReports } from '../services/store-reports.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

/** How often to look whether there are shards, where there are none. */
const LOOK_MS = SECOND_MS;

export interface ReporterOptions {
  readonly intervalMs: number;
  /** The virtual shards whose accounts this replica looks after; null for all. */
  readonly held: () => readonly number[] | null;
}

/** Stores the reports of closed periods for the accounts of its shards, once an interval. */
export function createReporter(env: ServiceEnvironment, { intervalMs, held }: ReporterOptions): Worker {
  let isWithout = false;
  return repeat(
    async (signal) => {
      isWithout = held()?.length === 0;
      if (isWithout) return;
      const stored = await storeReports(env, { signal, held });
      if (stored > 0) env.logger.info({ stored }, 'stored reports of closed periods');
    },
    {
      // Shards are taken a little after the start.
      pauseMs: () => (isWithout ? Math.min(LOOK_MS, intervalMs) : intervalMs),
      onError: (error) => env.logger.error({ err: error }, 'the reports could not be stored'),
    },
  );
}
