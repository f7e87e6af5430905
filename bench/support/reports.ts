import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../src/lib/duration.ts';
import { selectReportsDue } from '../../src/storage/reports.ts';
import type { BenchDatabase } from './postgres.ts';
import { progress } from './progress.ts';

const LONGEST_SECONDS = 1800;
const TELL_EACH_SECONDS = 30;

/**
 * Waits until the service has closed the reports of a history that was made beneath it, as it does of itself: closing
 * them takes it and PostgreSQL a while. Throws when that takes too long.
 */
export async function settleReports({ db, query }: BenchDatabase): Promise<void> {
  for (let seconds = 0; seconds < LONGEST_SECONDS; seconds += 1) {
    const due = await db.owner((tx) => selectReportsDue(tx, null, 1, null));
    const [row] = await query<{ count: number }>('SELECT count(*)::int FROM np_slo_reports');
    const isDone = due.length === 0;
    if (isDone || seconds % TELL_EACH_SECONDS === 0) {
      progress(`${row?.count ?? 0} reports are closed${isDone ? '' : ', more are to be'}`);
    }
    if (isDone) return;
    await sleep(SECOND_MS);
  }
  throw new Error(`the reports are not closed after ${LONGEST_SECONDS} s`);
}
