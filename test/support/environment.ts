import { pino } from 'pino';
import { createCourtesy } from '../../src/lib/courtesy.ts';
import { createAccessKeys } from '../../src/services/access-keys.ts';
import type { ServiceContext, ServiceEnvironment } from '../../src/services/context.ts';
import { createStatusHub, type StatusHub } from '../../src/services/status-hub.ts';
import { createPartitions } from '../../src/storage/partitions.ts';
import { authConfig } from './auth-config.ts';
import type { TestDatabase } from './database.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';

export interface TestEnvironment extends ServiceEnvironment {
  readonly clock: FakeClock;
}

/** What the services run in: a real database, a clock that the test sets, a full licence. */
export function createTestEnvironment(database: Pick<TestDatabase, 'db'>, nowMs: number): TestEnvironment {
  const { db } = database;
  return {
    db,
    clock: fakeClock(nowMs),
    courtesy: createCourtesy(),
    logger: pino({ level: 'silent' }),
    license: { assertCanChangeDefinitions: () => undefined },
    partitions: createPartitions(db),
    accessKeys: createAccessKeys(authConfig()),
    sources: { prometheus: {}, tables: {} },
    onPointsStored: () => undefined,
    onSloRemoved: () => undefined,
    retentionMs: 100 * 24 * 60 * 60 * 1000,
  };
}

/** A hub that never hears of a change. */
export const quietHub = (env: ServiceEnvironment): StatusHub =>
  createStatusHub(env, { listen: () => () => undefined });

/** The environment as one account's writer sees it. */
export function actingAs(env: ServiceEnvironment, accountId: string): ServiceContext {
  return { ...env, actor: { accountId, role: 'admin', canWrite: true } };
}
