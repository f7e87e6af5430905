import { DAY_MS, floorTo, MINUTE_MS, SECOND_MS } from '../src/lib/duration.ts';
import { recordMeasurements } from '../src/services/record-measurements.ts';
import { actingAs } from '../test/support/environment.ts';
import { cloneSlos, environmentOf, makeTemplates } from './support/history.ts';
import { interleave, timed } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { eventsOf } from './support/points.ts';
import { startPostgres } from './support/postgres.ts';
import { scaled } from './support/sizes.ts';
import { createCopy, settle } from './support/tables.ts';

const HISTORY_MS = 28 * DAY_MS;
const LATE_MS = 7 * DAY_MS;
/** SLOs whose rows lie between those of the one that is late, as they do in any table of more than one. */
const SLOS = scaled(20, 2);
const ACCOUNT = 'primary';

/** A point 7 days late in 28 full days, against one UPDATE of as many rows. */
export async function late(): Promise<Outcome> {
  const server = await startPostgres();
  const database = await server.createDatabase('late');
  const { query } = database;
  const endMs = floorTo(Date.now(), MINUTE_MS);
  const definition = { target: 0.999 };
  await makeTemplates({ database, definition, fromMs: endMs - HISTORY_MS, toMs: endMs, patterns: 1 });
  await cloneSlos(database, { accounts: [ACCOUNT], slosPerAccount: SLOS });
  await createCopy(database, 'bench_copy');
  await query('INSERT INTO bench_copy SELECT * FROM np_slo_snapshots ORDER BY at, slo_id');
  const env = environmentOf(database, endMs + SECOND_MS);
  const ctx = actingAs(env, ACCOUNT);
  const [slo] = await query<{ id: string }>(`SELECT id FROM np_slos WHERE name = 'slo-0'`);
  if (slo === undefined) throw new Error('there is no SLO');

  /** `count_total` of the newest snapshot. */
  const newest = async (): Promise<number> => {
    const [row] = await query<{ total: number }>(
      'SELECT count_total AS total FROM np_slo_snapshots WHERE slo_id = $1 AND at = $2',
      [slo.id, new Date(endMs)],
    );
    return row?.total ?? Number.NaN;
  };
  let rows = 0;
  const medians = await interleave('late, ms', {
    async ours(run) {
      await settle(database, ['np_slo_snapshots', 'np_slos', 'bench_copy']);
      const minuteMs = endMs - LATE_MS - run * MINUTE_MS;
      const total = eventsOf(minuteMs, 0).total + 500;
      const points = [{ at: new Date(minuteMs).toISOString(), good: total - 400, total }];
      const before = await newest();
      const ms = await timed(() => recordMeasurements({ ctx, input: { id: slo.id, body: { points } } }));
      const after = await newest();
      if (after !== before + 500)
        throw new Error(`the newest snapshot has ${after} events, not ${before + 500}`);
      return ms;
    },
    async baseline(run) {
      const from = endMs - LATE_MS - run * MINUTE_MS;
      rows = (endMs - from) / MINUTE_MS;
      // The statuses anew, as the late point asks for; nothing is looked up, nothing computed.
      return timed(() =>
        query(
          `UPDATE bench_copy SET run_good = run_good + 100, run_total = run_total + 500,
             reliability = reliability * 0.999, budget = budget * 0.999, burn_rate = burn_rate * 1.001,
             count_good = count_good + 100, count_total = count_total + 500
           WHERE source_account_id = $1 AND slo_id = $2 AND objective = 'default' AND at > $3 AND at <= $4
             AND at = ANY (ARRAY(SELECT generate_series($3::timestamptz, $4::timestamptz, interval '1 minute')))`,
          [ACCOUNT, slo.id, new Date(from), new Date(endMs)],
        ),
      );
    },
  });
  return { ...medians, ratio: medians.ours / medians.baseline, unit: 'ms', further: { rows } };
}
