/**
 * One replica as a process of its own: the whole app on a real database, by the clock that the parent sets over
 * IPC. It ends with its parent.
 */
import { pino } from 'pino';
import { z } from 'zod';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { fakeClock } from '../support/fake-clock.ts';

const message = z.union([z.object({ nowMs: z.number() }), z.literal('metrics'), z.literal('stop')]);

const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
const { DATABASE_URL = '', START_MS = '', TABLE_SOURCES = '', ALERT_ROUTER_URL = '' } = process.env;
const clock = fakeClock(Number(START_MS));
const db = createDatabase(DATABASE_URL, { logger });
const app = createApp({
  config: loadConfig(() => ({ pluginSecret: 'a-secret-for-this-test', accessKeySecret: 'x'.repeat(32) }), {
    DATABASE_URL,
    // The shortest, since the clock jumps.
    EVALUATION_INTERVAL: '1s',
    // An empty one counts as not set.
    TABLE_SOURCES,
    ALERT_ROUTER_URL,
  }),
  db,
  clock,
  logger,
  license: { assertCanChangeDefinitions: () => undefined },
});

/** Objectives that the app says it has evaluated. */
async function evaluated(): Promise<number> {
  const text = await (await app.fetch(new Request('http://localhost/metrics'))).text();
  return Number(/^nself_slo_tracker_objectives_evaluated_total (\d+)$/m.exec(text)?.[1]);
}

async function take(raw: unknown): Promise<void> {
  const asked = message.parse(raw);
  if (asked === 'metrics') {
    process.send?.({ evaluated: await evaluated() });
  } else if (asked === 'stop') {
    await app.stop();
    await db.close();
    process.disconnect();
  } else {
    clock.set(asked.nowMs);
  }
}

process.on('message', (raw) => void take(raw));
await app.start();
process.send?.('started');
