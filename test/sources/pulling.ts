import { expect } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { SourceSettings } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import type { Slo } from '../../src/slo/definition.ts';
import { createSourceReaders, type SourceReaders } from '../../src/sources/source-readers.ts';
import { createPullRounds } from '../../src/workers/puller.ts';
import type { LaneRound } from '../../src/workers/source-lane.ts';
import type { TestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';

/** Used counts by the minute's start. */
export type Counts = Record<string, readonly [good: number | null, total: number | null]>;

export interface Pulling {
  readonly env: TestEnvironment;
  /** Creates an SLO of the account over a source; answers its id. */
  create(
    name: string,
    source: object,
    options?: { account?: string; sli?: object; slo?: object },
  ): Promise<string>;
  /** Looks again and again until nothing more is to be read at once. */
  settle(): Promise<LaneRound[]>;
  slo(id: string, account?: string): Promise<Slo>;
  /** How many SLOs show an error of their source, seen by a look that begins nothing. */
  failing(): Promise<number>;
  /** What is used, by minute, `HH:MM` of the test's day. */
  counts(id: string): Promise<Counts>;
}

/** Everything that reading takes, but the loop: the test decides when it looks. */
export function createPulling(
  database: TestDatabase,
  nowMs: number,
  sources: SourceSettings = { prometheus: {}, tables: {} },
  readers: SourceReaders = createSourceReaders(database.db, sources),
): Pulling {
  const env: TestEnvironment = { ...createTestEnvironment(database, nowMs), sources };
  const look = createPullRounds(env, {
    readers,
    held: () => null,
  });
  const never = new AbortController().signal;
  return {
    env,
    async create(name, source, { account = 'primary', sli = { type: 'ratio' }, slo = {} } = {}) {
      const input = {
        name,
        time_window: { type: 'rolling', duration: '1h' },
        objectives: [{ name: 'default', target: 0.9 }],
        ...slo,
        sli: { ...sli, source },
      };
      return (await createSlo({ ctx: actingAs(env, account), input })).id;
    },
    async settle() {
      const all: LaneRound[] = [];
      for (let i = 0; i < 1000; i += 1) {
        const { rounds } = await look(never);
        const done = await Promise.all(rounds);
        all.push(...done);
        if (!done.some(({ hasMore }) => hasMore)) return all;
      }
      throw new Error('there is always more to be read');
    },
    async failing() {
      const { failing, rounds } = await look(never);
      expect(rounds).toEqual([]);
      return failing;
    },
    slo: (id, account = 'primary') => getSlo({ ctx: actingAs(env, account), input: { id } }),
    async counts(id) {
      const rows = await database.query<{ at: Date; good: number | null; total: number | null }>(
        `SELECT at, used_good AS good, used_total AS total FROM np_slo_snapshots
         WHERE slo_id = $1 AND used_total IS NOT NULL ORDER BY at`,
        [id],
      );
      return Object.fromEntries(
        rows.map(({ at, good, total }) => [
          new Date(at.getTime() - MINUTE_MS).toISOString().slice(11, 16),
          [good, total],
        ]),
      );
    },
  };
}

/** Everything that the tables say of an SLO, so that two histories can be compared. */
export async function writtenOf(database: TestDatabase, id: string): Promise<unknown> {
  const [slo] = await database.query(
    `SELECT state, reliability, budget, burn_rate, last_data_at, snapshots_until, pulled_until, last_error
     FROM np_slos WHERE id = $1`,
    [id],
  );
  const snapshots = await database.query(
    `SELECT at, used_good, used_total, received_good, received_bad, received_total, value, reliability, budget,
       count_good, count_total, state
     FROM np_slo_snapshots WHERE slo_id = $1 AND state IS NOT NULL ORDER BY at`,
    [id],
  );
  expect(slo).toBeDefined();
  return { slo, snapshots };
}
