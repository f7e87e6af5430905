import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ServiceError } from '../../src/lib/errors.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { slosByReference } from '../../src/storage/slos-by-reference.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();

describe('a transaction whose connection ends', () => {
  it('between two statements fails as unavailable, and only it does', async () => {
    const work = database.db.owner(async ({ client }) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
      // Nothing waits for the connection when its end comes in: vitest fails on an error that nobody takes.
      await sleep(50);
      await client.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject({ code: 'unavailable' } satisfies Partial<ServiceError>);
    await database.db.ping();
  });

  it('before the commit fails as unavailable too', async () => {
    const work = database.db.tenant('acme', async ({ client }) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
      await sleep(50);
    });
    await expect(work).rejects.toMatchObject({ code: 'unavailable' } satisfies Partial<ServiceError>);
  });
});

describe('a statement of a request that takes too long', () => {
  const impatient = () =>
    createDatabase(database.url, { logger: pino({ level: 'silent' }), statementTimeoutMs: 200 });

  it('fails as unavailable, also where it waits for a lock, and leaves a connection that works', async () => {
    const db = impatient();
    try {
      await database.db.owner(async ({ client }) => {
        await client.query('LOCK TABLE np_slos IN ACCESS EXCLUSIVE MODE');
        for (const work of [
          () => db.tenant('acme', (tx) => tx.client.query('SELECT pg_sleep(60)')),
          () => db.tenant('acme', (tx) => slosByReference(tx, 'acme', ['default.api'])),
        ]) {
          await expect(work()).rejects.toMatchObject({ code: 'unavailable' } satisfies Partial<ServiceError>);
        }
      });
      await db.tenant('acme', (tx) => tx.client.query('SELECT 1'));
    } finally {
      await db.close();
    }
  });

  it('does not bound the workers, who wait as long as it takes', async () => {
    const db = impatient();
    await db.owner((tx) => tx.client.query('SELECT pg_sleep(0.5)'));
    await db.close();
  });
});
