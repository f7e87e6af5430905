import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ServiceError } from '../../src/lib/errors.ts';
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
