import type { ServiceEnvironment } from '../services/context.ts';
import { storeReports } from '../services/store-reports.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

export interface ReporterOptions {
  readonly intervalMs: number;
  /** The virtual shards whose accounts this replica looks after; null for all. */
  readonly held: () => readonly number[] | null;
}

/** Stores the reports of closed periods for the accounts of its shards, once an interval. */
export function createReporter(env: ServiceEnvironment, { intervalMs, held }: ReporterOptions): Worker {
  return repeat(
    async (signal) => {
      const stored = await storeReports(env, { signal, held });
      if (stored > 0) env.logger.info({ stored }, 'stored reports of closed periods');
    },
    {
      pauseMs: () => intervalMs,
      onError: (error) => env.logger.error({ err: error }, 'the reports could not be stored'),
    },
  );
}
