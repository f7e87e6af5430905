import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { migrate, migrationsPending } from '../../src/storage/migrate.ts';
import { createTestDatabase } from '../support/database.ts';

describe('migrate', () => {
  it('lets any number of replicas migrate an empty database at once', async () => {
    const { url, query } = await createTestDatabase({ migrated: false });
    await Promise.all([migrate(url), migrate(url), migrate(url), migrate(url)]);
    const tables = await query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
    );
    expect(tables.map(({ name }) => name)).toEqual(['np_slo_reports', 'np_slo_snapshots', 'np_slos']);
  });

  it('changes nothing the second time', async () => {
    const { url, query } = await createTestDatabase();
    const applied = () => query('SELECT id, hash FROM drizzle.np_slo_migrations ORDER BY id');
    const before = await applied();
    await migrate(url);
    expect(await applied()).toEqual(before);
  });
});

describe('migrationsPending', () => {
  it('is true of an empty database and false of a migrated one', async () => {
    const { url } = await createTestDatabase({ migrated: false });
    const pool = new pg.Pool({ connectionString: url });
    pool.on('error', () => undefined);
    try {
      expect(await migrationsPending(pool)).toBe(true);
      await migrate(url);
      expect(await migrationsPending(pool)).toBe(false);
    } finally {
      await pool.end();
    }
  });
});
