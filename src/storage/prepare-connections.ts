import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { KEPT_CONNECTIONS } from './client.ts';
import { loadWholeMinutes } from './minute-samples.ts';
import { loadSamples } from './sample-rows.ts';
import type { SeriesDatabase } from './series-database.ts';
import {
  readSeriesHistories,
  readSeriesState,
  readSeriesStateIn,
  selectSeriesDefinitions,
} from './series-definitions.ts';

/** An account without an SLO, as a rule. */
const NOBODY = 'nobody';
/** What dashboards ask for first. */
const METRICS = ['reliability', 'budget', 'burn_rate'] as const;

/** Opens the connections that stay open, and has them plan the statements of queries, so that the first query need not. */
export async function prepareConnections(db: SeriesDatabase, nowMs: number): Promise<void> {
  const toMs = floorTo(nowMs, MINUTE_MS);
  const range = { kind: 'stretch', fromMs: toMs - MINUTE_MS, toMs } as const;
  const all = Array.from({ length: KEPT_CONNECTIONS });
  await Promise.all(
    all.map(() =>
      db.tenantSnapshot(NOBODY, async (tx) => {
        await readSeriesStateIn(tx, NOBODY);
        const { histories } = await readSeriesHistories(tx, NOBODY);
        await selectSeriesDefinitions(tx, NOBODY, histories);
        for (const metric of METRICS) {
          await loadWholeMinutes(tx, { accountId: NOBODY, metric, range });
          await loadSamples(tx, { accountId: NOBODY, metric, sloIds: null, range });
        }
      }),
    ),
  );
  await Promise.all(all.map(() => readSeriesState(db, NOBODY)));
}
