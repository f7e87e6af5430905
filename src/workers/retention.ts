import { HOUR_MS } from '../lib/duration.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { dropOldSnapshots } from '../services/drop-old-snapshots.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

/** Drops old partitions once an hour. */
export function createRetention(env: ServiceEnvironment): Worker {
  return repeat(
    async (signal) => {
      const dropped = await dropOldSnapshots(env, { signal });
      if (dropped > 0) env.logger.info({ dropped }, 'dropped partitions past the retention');
    },
    {
      pauseMs: () => HOUR_MS,
      onError: (error) => env.logger.error({ err: error }, 'the retention failed'),
    },
  );
}
