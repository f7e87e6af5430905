import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/lib/duration.ts';
import { evaluate } from '../src/services/evaluate.ts';
import type { TestEnvironment } from '../test/support/environment.ts';
import {
  cloneSlos,
  environmentOf,
  makeTemplates,
  pushMinutes,
  referencesOf,
  type Stretch,
} from './support/history.ts';
import { interleave, median, timed } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { type BenchDatabase, type BenchServer, startPostgres } from './support/postgres.ts';
import { RUNS, scaled } from './support/sizes.ts';
import { createCopy, settle } from './support/tables.ts';

const ACCOUNTS = Array.from({ length: 10 }, (_, i) => `account-${i}`);
const WINDOW_MS = 28 * DAY_MS;
/** Runs advance by two minutes each; this many either side of a look-back are there. */
const MARGIN_MS = 20 * MINUTE_MS + 4 * RUNS * MINUTE_MS;

/** A tick over a thousand is short, so that one run has several. */
const SHORT_TICKS = 3;

interface Fleet {
  readonly database: BenchDatabase;
  readonly env: TestEnvironment;
  readonly slosPerAccount: number;
  /** The next minute starts here. */
  minuteMs: number;
}

/**
 * 28 d of full minutes of 10,000 objectives would be 400 million rows. What a tick can look at is made: the last six
 * hours whole, the surroundings of every longer look-back, and the first row of each day, which bears its base.
 */
function stretches(endMs: number): Stretch[] {
  const around = (backMs: number): Stretch => ({
    lowMs: endMs - backMs - MINUTE_MS,
    highMs: endMs - backMs + MARGIN_MS,
  });
  const days: Stretch[] = [];
  for (let dayMs = floorTo(endMs - WINDOW_MS, DAY_MS); dayMs <= endMs; dayMs += DAY_MS) {
    days.push({ lowMs: dayMs, highMs: dayMs });
  }
  const wanted = [
    ...days,
    around(WINDOW_MS),
    around(3 * DAY_MS),
    around(DAY_MS),
    { lowMs: endMs - 6 * HOUR_MS - MINUTE_MS, highMs: endMs },
  ].sort((a, b) => a.lowMs - b.lowMs);
  const apart: Stretch[] = [];
  for (const { lowMs, highMs } of wanted) {
    const last = apart.at(-1);
    if (last !== undefined && lowMs <= last.highMs) {
      apart[apart.length - 1] = { lowMs: last.lowMs, highMs: Math.max(last.highMs, highMs) };
    } else {
      apart.push({ lowMs, highMs });
    }
  }
  return apart;
}

async function createFleet(server: BenchServer, objectives: number): Promise<Fleet> {
  const database = await server.createDatabase(`tick_${objectives}`);
  const endMs = floorTo(Date.now(), MINUTE_MS);
  const slosPerAccount = Math.max(1, Math.round(objectives / ACCOUNTS.length));
  const fromMs = endMs - WINDOW_MS - 30 * MINUTE_MS;
  await makeTemplates({ database, definition: { target: 0.999 }, fromMs, toMs: endMs });
  await cloneSlos(database, { accounts: ACCOUNTS, slosPerAccount, stretches: stretches(endMs) });
  const env = environmentOf(database, endMs);
  // The partitions that a tick makes ahead, so that the copy has them too.
  await env.partitions.ensure(endMs, endMs + 8 * DAY_MS);
  await settle(database, ['np_slo_snapshots', 'np_slos']);
  const fleet: Fleet = { database, env, slosPerAccount, minuteMs: endMs };
  // The first tick fills connections and caches, as the one a minute before would have.
  await pushNextMinute(fleet);
  await tickOf(fleet);
  return fleet;
}

/** The points of the next minute, all of them, half-way through it. Answers the milliseconds. */
async function pushNextMinute({ env, slosPerAccount, minuteMs }: Fleet): Promise<number> {
  env.clock.set(minuteMs + 30 * SECOND_MS);
  const references = referencesOf(slosPerAccount);
  return timed(async () => {
    for (const account of ACCOUNTS) {
      await pushMinutes(env, account, references, minuteMs, minuteMs + MINUTE_MS);
    }
  });
}

/** The tick two seconds after the minute. Answers the milliseconds. */
async function tickOf(fleet: Fleet): Promise<number> {
  fleet.minuteMs += MINUTE_MS;
  fleet.env.clock.set(fleet.minuteMs + 2 * SECOND_MS);
  const ms = await timed(async () => {
    const { objectives } = await evaluate(fleet.env);
    const expected = ACCOUNTS.length * fleet.slosPerAccount;
    if (objectives !== expected) throw new Error(`${objectives} objectives evaluated, not ${expected}`);
  });
  await assertComplete(fleet);
  return ms;
}

async function assertComplete({ database, minuteMs, slosPerAccount }: Fleet): Promise<void> {
  const [row] = await database.query<{ rows: string; slos: string }>(
    `SELECT (SELECT count(*) FROM np_slo_snapshots WHERE at = $1 AND state IS NOT NULL AND budget IS NOT NULL) AS rows,
       (SELECT count(*) FROM np_slos WHERE evaluated_at = $1 AND budget IS NOT NULL) AS slos`,
    [new Date(minuteMs)],
  );
  const expected = ACCOUNTS.length * slosPerAccount;
  if (Number(row?.rows) !== expected || Number(row?.slos) !== expected) {
    throw new Error(`the tick left ${row?.rows} snapshots and ${row?.slos} statuses, not ${expected}`);
  }
}

/** As many rows as the tick had, into a copy of the table with the same rows in it. */
async function bareInsert({ database: { query }, minuteMs }: Fleet): Promise<number> {
  await query('DROP TABLE IF EXISTS bench_staged');
  await query(
    `CREATE TEMP TABLE bench_staged AS SELECT * FROM np_slo_snapshots WHERE at = '${new Date(minuteMs).toISOString()}'`,
  );
  await query('ANALYZE bench_staged');
  return timed(() => query('INSERT INTO bench_copy SELECT * FROM bench_staged'));
}

/** One tick over 10,000 objectives against a bare insert of as many rows. */
export async function tick(): Promise<Outcome> {
  const server = await startPostgres();
  const many = await createFleet(server, scaled(10_000, 100));
  const few = await createFleet(server, scaled(1000, 10));
  await createCopy(many.database, 'bench_copy');
  await many.database.query(
    'INSERT INTO bench_copy SELECT * FROM np_slo_snapshots ORDER BY at, source_account_id, slo_id',
  );
  await settle(many.database, ['bench_copy']);

  const fewMs: number[] = [];
  const pushMs: number[] = [];
  const unpushedMs: number[] = [];
  const medians = await interleave('tick, ms', {
    async ours() {
      unpushedMs.push(await tickOf(many));
      pushMs.push(await pushNextMinute(many));
      const ms = await tickOf(many);
      for (let i = 0; i < SHORT_TICKS; i += 1) {
        await pushNextMinute(few);
        fewMs.push(await tickOf(few));
      }
      return ms;
    },
    baseline: () => bareInsert(many),
  });
  return {
    ...medians,
    ratio: medians.ours / medians.baseline,
    unit: 'ms',
    further: {
      thousand: median(fewMs),
      scaling: medians.ours / median(fewMs),
      withoutPushed: median(unpushedMs),
      withoutPushedRatio: median(unpushedMs) / medians.baseline,
      push: median(pushMs),
      pushRatio: median(pushMs) / medians.baseline,
    },
  };
}
