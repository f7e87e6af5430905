import { expect, test } from 'vitest';
import type { TableSource } from '../../src/config-sources.ts';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createTestDatabase } from '../support/database.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const at = (time: string): string => `2026-11-18T${time}Z`;
const open = (table: string, columns: TableSource['columns'], accounts = ['primary']): TableSource => ({
  table,
  columns,
  accounts,
});

await database.query(`
  CREATE SCHEMA "my shop";
  CREATE TYPE region AS ENUM ('eu', 'us');
  CREATE TABLE "my shop"."or""ders; DROP" ("at time" timestamptz, "st'ate" text, region region, size int, express boolean,
    price numeric(8,2), secret text);
  INSERT INTO "my shop"."or""ders; DROP" VALUES
    ('${at('11:58:01')}', 'paid', 'eu', 1, true, 1.50, 'a'), ('${at('11:58:02')}', 'failed', 'eu', 2, false, 2, 'a'),
    ('${at('11:58:03')}', 'paid', 'us', 1, true, 1.5, 'b'), ('${at('11:58:04')}', 'draft', 'us', 1, true, 1, 'b'),
    ('${at('11:58:05')}', NULL, 'us', 1, true, 1, 'b');
  CREATE TABLE calls (at timestamptz, source_account_id text, good bigint, total double precision, ms real, ok boolean);
  INSERT INTO calls VALUES ('${at('11:58:01')}', 'a', 8, 10, 0.1, true), ('${at('11:58:31')}', 'a', 10, 10, 0.3, false),
    ('${at('11:59:01')}', 'a', 11, 10, 'NaN', NULL), ('${at('11:59:31')}', 'a', 1, 'NaN', 'Infinity', true),
    ('${at('11:59:41')}', 'a', 3, 4, NULL, true), ('${at('11:59:51')}', 'b', 1, 100, 9, true)`);

const shop = 'my shop.or"ders; DROP';
const tables = {
  orders: open(shop, {
    time: 'at time',
    status: { column: "st'ate", good: ['paid'] },
    filters: ['region', 'size', 'express', 'price'],
  }),
  judged: open(shop, { time: 'at time', status: { column: "st'ate", good: ['paid'], bad: ['failed'] } }),
  calls: open('calls', { time: 'at', good: 'good', total: 'total' }, ['a', 'b']),
  latency: open('calls', { time: 'at', value: 'ms' }, ['a']),
  flags: open('calls', { time: 'at', value: 'ok' }, ['a']),
  typed: open('calls', { time: 'good', good: 'ok', total: 'total', filters: ['nothing'] }, ['a']),
};
const settings = { prometheus: {}, tables };

test('rows with a status count as events, by the filters that the operator allows', async () => {
  const { create, settle, counts } = createPulling(database, NOW, settings);
  const wheres: [where: object, good: number, total: number][] = [
    // A row without a status is no event.
    [{}, 2, 4],
    [{ region: 'eu' }, 1, 2],
    [{ region: ['eu', 'us', 'eu'] }, 2, 4],
    [{ region: 'us', size: 1 }, 1, 2],
    [{ express: false }, 0, 1],
    [{ price: 1.5 }, 2, 2],
    [{ size: ['1', 1, '01'], region: ['eu'] }, 1, 1],
    [{ region: "eu' OR true --" }, 0, 0],
  ];
  const ids: string[] = [];
  for (const [i, [where]] of wheres.entries()) {
    ids.push(await create(`orders-${i}`, { type: 'table', source: 'orders', where }));
  }
  ids.push(await create('judged', { type: 'table', source: 'judged' }));
  await settle();
  for (const [i, [where, good, total]] of wheres.entries()) {
    const expected = total === 0 ? {} : { '11:58': [good, total] };
    expect(await counts(ids[i] ?? ''), JSON.stringify(where)).toEqual(expected);
  }
  // With the bad values named, a draft is neither.
  expect(await counts(ids.at(-1) ?? '')).toEqual({ '11:58': [2, 3] });
});

test('counts are summed by account, and rows that cannot be are told of', async () => {
  const { create, settle, counts, slo, failing } = createPulling(database, NOW, settings);
  const a = await create('calls', { type: 'table', source: 'calls' }, { account: 'a' });
  const b = await create('calls', { type: 'table', source: 'calls' }, { account: 'b' });
  await settle();
  expect(await counts(a)).toEqual({ '11:58': [18, 20], '11:59': [3, 4] });
  expect(await counts(b)).toEqual({ '11:59': [1, 100] });
  expect((await slo(a, 'a')).pull?.lastError).toBe(
    '2 rows were not taken: a count below 0 or above its total',
  );
  expect((await slo(b, 'b')).pull?.lastError).toBeNull();
  // It still counts while nothing is to be read.
  expect(await failing()).toBe(1);
});

test('values are judged one by one; NaN, infinite and missing ones are no points', async () => {
  const { create, settle, counts } = createPulling(database, NOW, settings);
  const threshold = (op: string, value: number) => ({
    account: 'a',
    sli: { type: 'threshold' },
    slo: { objectives: [{ name: 'default', target: 0.9, op, value }] },
  });
  const fast = await create('fast', { type: 'table', source: 'latency' }, threshold('lte', 0.1));
  const flags = await create('flags', { type: 'table', source: 'flags' }, threshold('gte', 1));
  await settle();
  expect(await counts(fast)).toEqual({ '11:58': [1, 2] });
  expect(await counts(flags)).toEqual({ '11:58': [1, 2], '11:59': [2, 2] });
});

test('only what the operator mapped for the account can be named', async () => {
  const { create } = createPulling(database, NOW, settings);
  const refusal = async (source: object, options = {}) =>
    create('refused', source, options).then(
      () => [],
      (error) =>
        error.details.map(({ path, message }: { path: string; message: string }) => `${path}: ${message}`),
    );
  const closed = ['sli.source.source: is not a source that the operator has opened to this account'];
  for (const source of ['np_slos', 'constructor', '__proto__', 'toString', 'latency']) {
    expect(await refusal({ type: 'table', source }), source).toEqual(closed);
  }
  expect(await refusal({ type: 'prometheus', source: 'http://evil', good: 'up', total: 'up' })).toEqual(
    closed,
  );
  expect(await refusal({ type: 'table', source: 'orders', where: { secret: 'a' } })).toEqual([
    'sli.source.where.secret: is not a filter of this source; it has region, size, express, price',
  ]);
  expect(await refusal({ type: 'table', source: 'judged', where: { '"; DROP': 'a' } })).toEqual([
    'sli.source.where."; DROP: is not a filter of this source; it has none',
  ]);
  expect(await refusal({ type: 'table', source: 'latency' }, { account: 'a' })).toEqual([
    'sli.source.source: gives values, for threshold SLIs',
  ]);
  expect(await refusal({ type: 'table', source: 'orders', table: 'np_slos' })).toEqual([
    'sli.source.table: is not a known field',
  ]);
});

test('a mapping that does not fit the table is told, and no other source waits for it', async () => {
  const { create, settle, slo, counts, env } = createPulling(database, NOW, settings);
  const typed = await create('typed', { type: 'table', source: 'typed' }, { account: 'a' });
  const fine = await create('fine', { type: 'table', source: 'calls' }, { account: 'b' });
  const wrong = await create('wrong', { type: 'table', source: 'orders', where: { size: 'large' } });
  await settle();
  expect((await slo(typed, 'a')).pull?.lastError).toBe('the table calls has no column nothing');
  expect((await slo(wrong)).pull?.lastError).toBe('where.size: "large" cannot be a value of type integer');
  expect(await counts(fine)).toEqual({ '11:59': [1, 100] });
  await database.query('ALTER TABLE calls ADD COLUMN nothing text');
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  expect((await slo(typed, 'a')).pull?.lastError).toBe(
    'in the table calls good must be a timestamp, ok must be a number',
  );
});
