import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../src/lib/duration.ts';
import type { BenchDatabase } from './postgres.ts';
import { progress } from './progress.ts';

const MAX_SECONDS = 600;
/** Longer than a step of the closing takes, which is seen when it is done. */
const QUIET_SECONDS = 30;
/** The first of them are there by then; a history of less than a day has none. */
const FIRST_SECONDS = 90;

/**
 * Waits until the service has closed the reports of a history that was made beneath it, as they are where it did not
 * begin today: closing them all takes both processors for a while.
 */
export async function settleReports({ query }: BenchDatabase): Promise<void> {
  let known = 0;
  let quietSeconds = 0;
  for (let i = 0; i < MAX_SECONDS && quietSeconds < (known === 0 ? FIRST_SECONDS : QUIET_SECONDS); i += 1) {
    await sleep(SECOND_MS);
    const [row] = await query<{ count: number }>('SELECT count(*)::int FROM np_slo_reports');
    const count = row?.count ?? 0;
    quietSeconds = count === known ? quietSeconds + 1 : 0;
    known = count;
  }
  progress(`${known} reports are closed`);
}
