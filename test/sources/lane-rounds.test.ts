import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SourceReader } from '../../src/sources/source-reader.ts';
import { createTestDatabase } from '../support/database.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);

/** Whose good query is `slow`, is refused, and only after all others are read. */
const READER: SourceReader = {
  maxRequests: 1,
  concurrency: 4,
  maxRangeMs: () => 60_000,
  async read(requests) {
    return Promise.all(
      requests.map(async ({ source }) => {
        if (source.type !== 'prometheus' || source.good !== 'slow') return { points: [], note: null };
        await sleep(200);
        return { failure: 'good: refused' };
      }),
    );
  },
};

test('a refusal that comes last does not hide what was read in the meantime', async () => {
  const settings = {
    prometheus: { main: { url: 'http://127.0.0.1:1', headers: {}, accounts: ['primary'] } },
    tables: {},
  };
  const { create, settle, slo } = createPulling(database, NOW, settings, {
    nameOf: () => 'prometheus:main',
    readerOf: () => READER,
  });
  const slow = await create('slow', { type: 'prometheus', source: 'main', good: 'slow', total: 'up' });
  const fine = await create('fine', { type: 'prometheus', source: 'main', good: 'fine', total: 'up' });
  const rounds = await settle();
  // A minute a round: after the first, in which one of the two is refused, there is more to be read at once.
  expect(rounds[0]).toEqual({ read: 1, failed: 1, hasMore: true });
  expect((await slo(fine)).pull?.untilMs).toBe(NOW - 10_000);
  expect((await slo(slow)).pull?.lastError).toBe('good: refused');
});
