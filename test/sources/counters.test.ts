import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { createTestDatabase } from '../support/database.ts';
import { createPrometheusServer, HAS_PROMETHEUS, type PrometheusServer } from './prometheus-server.ts';
import { type Counts, createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const AT = NOW - 10_000;
const sli = { type: 'ratio', incremental: true };
/** `HH:MM` of the minute that begins so many minutes from AT. */
const minute = (n: number): string => new Date(AT + n * MINUTE_MS).toISOString().slice(11, 16);
const same = (from: number, to: number, counts: Counts[string]): Counts =>
  Object.fromEntries(Array.from({ length: to - from }, (_, i) => [minute(from + i), counts]));

describe('running totals in a table', () => {
  const open = (table: string) => ({
    table,
    columns: { time: 'at', good: 'good', total: 'total' },
    accounts: ['primary'],
  });
  const settings = { prometheus: {}, tables: { totals: open('totals'), long: open('long') } };

  test('count by how much they rose, over a reset and with a row that comes late', async () => {
    await database.query('CREATE TABLE totals (at timestamptz, good bigint, total bigint)');
    const insert = (atMs: number, good: number, total: number): Promise<unknown> =>
      database.query('INSERT INTO totals VALUES ($1, $2, $3)', [new Date(atMs), good, total]);
    // Every 20 s from ten minutes before AT on, 9 of 10 more; five minutes before AT they begin anew at 3 of 4.
    for (let row = 0; row < 30; row += 1) {
      const atMs = AT - 10 * MINUTE_MS + row * 20 * SECOND_MS;
      if (row < 15) await insert(atMs, 9 * (row + 1), 10 * (row + 1));
      else await insert(atMs, 3 + 9 * (row - 15), 4 + 10 * (row - 15));
    }
    const { create, settle, counts, env } = createPulling(database, NOW, settings);
    const id = await create('totals', { type: 'table', source: 'totals' }, { sli });
    await settle();
    const read: Counts = {
      // The first value of all only says where it begins: two rises.
      [minute(-10)]: [18, 20],
      ...same(-9, -5, [27, 30]),
      // After the reset the value itself has come in: 3 + 9 + 9 of 4 + 10 + 10.
      [minute(-5)]: [21, 24],
      ...same(-4, 0, [27, 30]),
    };
    expect(await counts(id)).toEqual(read);

    // The last row before the reset said 135 of 150: five good ones more had been seen.
    await insert(AT - 5 * MINUTE_MS - 5 * SECOND_MS, 140, 155);
    env.clock.advance(MINUTE_MS);
    await settle();
    const late: Counts = { ...read, [minute(-6)]: [32, 35] };
    expect(await counts(id)).toEqual(late);

    // Nothing for ten minutes; then both have risen by 50, of which 5 are bad, and that counts where it was seen.
    await insert(AT + 11 * MINUTE_MS, 129 + 45, 144 + 50);
    env.clock.advance(15 * MINUTE_MS);
    await settle();
    expect(await counts(id)).toEqual({ ...late, [minute(11)]: [45, 50] });
  });

  test('count over the seams of what is read at once', async () => {
    await database.query('CREATE TABLE long (at timestamptz, good bigint, total bigint)');
    // Once a minute for seven hours; an hour is read at once.
    await database.query(
      `INSERT INTO long SELECT $1::timestamptz - n * interval '1 minute', 8 * (500 - n), 10 * (500 - n)
       FROM generate_series(1, 420) AS n`,
      [new Date(AT)],
    );
    const { create, settle, counts } = createPulling(database, NOW, settings);
    const id = await create(
      'long',
      { type: 'table', source: 'long' },
      { sli, slo: { time_window: { type: 'rolling', duration: '7h' } } },
    );
    expect((await settle()).length).toBeGreaterThanOrEqual(7);
    expect(await counts(id)).toEqual(same(-419, 0, [8, 10]));
  });
});

describe.runIf(HAS_PROMETHEUS)('running totals in a Prometheus', () => {
  let server: PrometheusServer;
  beforeAll(async () => {
    // 10 more every 15 s, one of them failed; five minutes before AT they begin anew.
    const requests = ['# TYPE requests counter\n'];
    const failed = ['# TYPE failed counter\n'];
    const resetMs = AT - 5 * MINUTE_MS;
    for (let atMs = AT - HOUR_MS; atMs <= AT + HOUR_MS; atMs += 15 * SECOND_MS) {
      const sinceMs = atMs <= resetMs ? AT - HOUR_MS : resetMs;
      const scrapes = (atMs - sinceMs) / (15 * SECOND_MS);
      requests.push(`requests_total ${10 * scrapes} ${atMs / 1000}\n`);
      failed.push(`failed_total ${scrapes} ${atMs / 1000}\n`);
    }
    server = await createPrometheusServer([...requests, ...failed].join(''));
    await server.start();
  });
  afterAll(() => server.remove());

  test('count exactly, over a reset, and over a time in which it was away', async () => {
    const { create, settle, counts, env } = createPulling(database, NOW, {
      prometheus: { main: { url: server.url, headers: {}, accounts: ['primary'] } },
      tables: {},
    });
    const id = await create(
      'counters',
      { type: 'prometheus', source: 'main', bad: 'sum(failed_total)', total: 'sum(requests_total)' },
      { sli },
    );
    await settle();
    // Four scrapes a minute, each ten requests of which one fails; the first value only says where it begins.
    expect(await counts(id)).toEqual(same(-14, 0, [36, 40]));
    await server.kill();
    env.clock.advance(30 * MINUTE_MS);
    await settle();
    await server.start();
    env.clock.advance(6 * MINUTE_MS);
    await settle();
    expect(await counts(id)).toEqual(same(-14, 36, [36, 40]));
  });
});
