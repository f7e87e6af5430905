/** Streams measurements into an account as a process of its own, so that it can be killed while it works. */
import { pino } from 'pino';
import { recordStream } from '../../src/services/record-stream.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const { DATABASE_URL = '', NOW_MS = '', ACCOUNT = '', BODY = '' } = process.env;
const db = createDatabase(DATABASE_URL, { logger: pino({ level: 'silent' }) });
const ctx = actingAs(createTestEnvironment({ db }, Number(NOW_MS)), ACCOUNT);
await recordStream({ ctx, input: { body: new Blob([BODY]).stream() } });
await db.close();
