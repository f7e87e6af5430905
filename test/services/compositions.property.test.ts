import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import type { BruteSlo } from '../support/brute-composition.ts';
import {
  bruteSlos,
  changedAtOnce,
  type History,
  histories,
  LEVELS,
  type Level,
  MINUTES,
  type Place,
  timeOf,
  writtenSlos,
} from '../support/composition-histories.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { close, expectedOf } from '../support/expect-composition.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
let account = 0;

async function check(history: History): Promise<void> {
  const { place, changeAt, live } = history;
  const env = createTestEnvironment(database, place.startMs - 30_000);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const slos = bruteSlos(history);
  const written = writtenSlos(history);
  for (const { input, adjustment: body } of written) {
    const { id } = await createSlo({ ctx, input });
    if (body !== null) await addBudgetAdjustment({ ctx, input: { id, body } });
  }
  const points = [...slos].flatMap(([slo, one]) =>
    one.kind === 'leaf' ? [...one.points].map(([m, counts]) => ({ slo, m, ...counts })) : [],
  );
  const push = async (from: number, to: number): Promise<void> => {
    const some = points.filter(({ m }) => m >= from && m < to);
    if (history.backwards) some.reverse();
    const body = some
      .map(({ slo, m, ...counts }) =>
        JSON.stringify({ slo: `default.${slo}`, at: timeOf(place, m), ...counts }),
      )
      .join('\n');
    const { rejected } = await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
    expect(rejected).toBe(0);
  };
  const setClock = (m: number, seconds: number): void =>
    env.clock.set(place.startMs + m * MINUTE_MS + seconds * 1000);
  setClock(changeAt, 17);
  await push(0, live ? changeAt : 3);
  await evaluate(env);
  for (const { name, patch } of written) {
    if (patch === null) continue;
    const id = `default.${name}`;
    const { lastDataAtMs } = await getSlo({ ctx, input: { id } });
    const brute = slos.get(name);
    if (lastDataAtMs === null && brute !== undefined) slos.set(name, changedAtOnce(brute));
    await updateSlo({ ctx, input: { id, patch } });
  }
  for (let m = changeAt; m < MINUTES; m += 23) {
    const until = Math.min(MINUTES, m + 23);
    setClock(until, 10);
    if (live) await push(m, until);
    await evaluate(env);
  }
  setClock(MINUTES, 20);
  if (!live) await push(3, MINUTES);
  await evaluate(env);
  for (const level of LEVELS) await compare(ctx, level, slos, place);
}

interface Row {
  readonly at: Date;
  readonly state: string | null;
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burn_rate: number | null;
  readonly component_impact: (number | null)[] | null;
  readonly component_delay: (number | null)[] | null;
  readonly component_was_delayed: (number | null)[] | null;
}

async function compare(
  ctx: ServiceContext,
  level: Level,
  slos: ReadonlyMap<string, BruteSlo>,
  { startMs }: Place,
): Promise<void> {
  const { brute, expectRow } = expectedOf(slos, level, MINUTES);
  const slo = await getSlo({ ctx, input: { id: `default.${level}` } });
  const rows = await database.query<Row>('SELECT * FROM np_slo_snapshots WHERE slo_id = $1', [slo.id]);
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
  for (let t = 1; t <= MINUTES; t += 1) {
    const row = byTime.get(startMs + t * MINUTE_MS);
    expectRow(
      t,
      row === undefined || row.state === null
        ? null
        : {
            reliability: row.reliability,
            budget: row.budget,
            burnRate: row.burn_rate,
            impacts: row.component_impact,
            delays: row.component_delay,
            wasDelayed: row.component_was_delayed,
          },
    );
    if (t % 17 !== 0 && t !== MINUTES) continue;
    const status = brute.statusAt(t);
    const what = `of ${level} at minute ${t}`;
    const input = { slos: [slo], atMs: startMs + t * MINUTE_MS };
    const read = (await readStatuses({ ctx, input })).get(slo.id)?.objectives[0];
    close(read?.reliability, status.reliability, `read reliability ${what}`);
    close(read?.budget, status.budget, `read budget ${what}`);
    close(read?.burnRate, status.burnRate, `read burn ${what}`);
    const rates = (await readBurnRates({ ctx, input })).get(slo.id)?.objectives[0];
    const five = rates?.windows.find(({ window }) => window === '5m')?.burnRate;
    close(five, status.burnOver5m, `burn over 5m ${what}`);
    // The SLO's own window is the last of the list, where it is none of the fixed ones.
    const isListed = read?.window.rolling === true && read.window.lengthMs === HOUR_MS;
    const own = isListed ? rates?.burnRate : rates?.windows.at(-1)?.burnRate;
    close(own, status.burnOverWindow, `burn over its window ${what}`);
  }
  const [columns] = await database.query<Pick<Row, 'reliability' | 'budget' | 'burn_rate'>>(
    'SELECT reliability, budget, burn_rate FROM np_slos WHERE id = $1',
    [slo.id],
  );
  const now = brute.statusAt(MINUTES);
  close(columns?.reliability, now.reliability, `current reliability of ${level}`);
  close(columns?.budget, now.budget, `current budget of ${level}`);
  close(columns?.burn_rate, now.burnRate, `current burn of ${level}`);
}

test('nested composites of both kinds, adjusted and changed, equal the brute-force reading', async () => {
  await fc.assert(fc.asyncProperty(histories, check), propertyRuns(4, 1));
}, 400_000);
