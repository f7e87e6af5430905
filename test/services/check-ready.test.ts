import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { checkReady } from '../../src/services/check-ready.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { createTestDatabase } from '../support/database.ts';

const logger = pino({ level: 'silent' });

describe('readiness', () => {
  it('is there with a migrated database', async () => {
    const { db } = await createTestDatabase();
    expect(await checkReady({ env: { db, logger } })).toEqual({ ready: true });
  });

  it('is not there while migrations are missing', async () => {
    const { db } = await createTestDatabase({ migrated: false });
    expect(await checkReady({ env: { db, logger } })).toEqual({
      ready: false,
      reason: expect.stringMatching(/Migrations are missing/),
    });
  });

  it('is not there while the database is away', async () => {
    const db = createDatabase('postgres://nobody@127.0.0.1:1/none', { logger });
    expect(await checkReady({ env: { db, logger } })).toEqual({
      ready: false,
      reason: 'The database cannot be reached.',
    });
    await db.close();
  });
});
