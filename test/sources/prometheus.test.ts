import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { startBackfill } from '../../src/services/backfill.ts';
import { queryRange } from '../../src/sources/prometheus-client.ts';
import { createSourceReaders } from '../../src/sources/source-readers.ts';
import { createPullRounds } from '../../src/workers/puller.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs } from '../support/environment.ts';
import { createPrometheusServer, HAS_PROMETHEUS, type PrometheusServer } from './prometheus-server.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const AT = NOW - 10_000;
const never = new AbortController().signal;

/** Ten requests every 15 s, of which in every fifth minute one fails; gaps in neither. */
function samples(): string {
  const lines = ['# TYPE requests counter\n'];
  const failed = ['# TYPE failed counter\n'];
  const latency = ['# TYPE latency gauge\n'];
  let total = 0;
  let bad = 0;
  for (let at = AT - 6 * HOUR_MS; at <= AT + 6 * HOUR_MS; at += 15_000) {
    lines.push(`requests_total ${total} ${at / 1000}\n`);
    failed.push(`failed_total ${bad} ${at / 1000}\n`);
    const minute = Math.floor(at / MINUTE_MS);
    latency.push(`latency ${minute % 4 === 0 ? 'NaN' : minute % 4} ${at / 1000}\n`);
    total += 10;
    if (minute % 5 === 0 && at % MINUTE_MS === 0) bad += 1;
  }
  return [...lines, ...failed, ...latency].join('');
}

/** 40 events a minute, one bad in every fifth. */
const expected = (fromMs: number, toMs: number): Record<string, readonly [number, number]> => {
  const counts: Record<string, readonly [number, number]> = {};
  for (let minuteMs = fromMs; minuteMs < toMs; minuteMs += MINUTE_MS) {
    counts[new Date(minuteMs).toISOString().slice(11, 16)] = [(minuteMs / MINUTE_MS) % 5 === 0 ? 39 : 40, 40];
  }
  return counts;
};

const RATIO = {
  bad: 'sum(failed_total - failed_total offset 1m)',
  total: 'sum(requests_total - requests_total offset 1m)',
};

describe.runIf(HAS_PROMETHEUS)('a real Prometheus', () => {
  let server: PrometheusServer;
  beforeAll(async () => {
    server = await createPrometheusServer(samples());
    await server.start();
  });
  afterAll(() => server.remove());
  const settings = () => ({
    prometheus: { main: { url: server.url, headers: {}, accounts: ['primary'] } },
    tables: {},
  });

  test('is read minute by minute; killed and started again, no minute is lost and none counts twice', async () => {
    const { create, settle, counts, slo, env } = createPulling(database, NOW, settings());
    const id = await create('killed', { type: 'prometheus', source: 'main', ...RATIO });
    await settle();
    expect(await counts(id)).toEqual(expected(AT - 15 * MINUTE_MS, AT));
    await server.kill();
    env.clock.advance(2 * HOUR_MS);
    await settle();
    expect((await slo(id)).pull).toMatchObject({
      untilMs: AT,
      lastError: 'the Prometheus cannot be reached',
    });
    await server.start();
    env.clock.advance(10 * MINUTE_MS);
    await settle();
    expect(await counts(id)).toEqual(expected(AT - 15 * MINUTE_MS, AT + 130 * MINUTE_MS));
    expect((await slo(id)).pull).toMatchObject({ untilMs: AT + 130 * MINUTE_MS, lastError: null });
  });

  test('gives values, of which NaN is none', async () => {
    const { create, settle, counts } = createPulling(database, NOW, settings());
    const id = await create(
      'latency',
      { type: 'prometheus', source: 'main', query: 'latency' },
      {
        sli: { type: 'threshold' },
        slo: { objectives: [{ name: 'default', target: 0.5, op: 'lt', value: 3 }] },
      },
    );
    await settle();
    const found = await counts(id);
    // The value at the end of minute m is that of minute m + 1.
    for (let minuteMs = AT - 15 * MINUTE_MS; minuteMs < AT; minuteMs += MINUTE_MS) {
      const value = (minuteMs / MINUTE_MS + 1) % 4;
      const minute = new Date(minuteMs).toISOString().slice(11, 16);
      expect(found[minute], minute).toEqual(value === 0 ? undefined : [value < 3 ? 1 : 0, 1]);
    }
  });

  test('a wrong query is told to its SLO, and the others on that server go on', async () => {
    const { create, settle, counts, slo } = createPulling(database, NOW, settings());
    const wrong = await create('wrong', { type: 'prometheus', source: 'main', good: 'sum(', total: 'up' });
    const vector = '{__name__=~".+_total"}';
    const many = await create('many', { type: 'prometheus', source: 'main', good: vector, total: '1' });
    const fine = await create('fine', { type: 'prometheus', source: 'main', ...RATIO });
    await settle();
    expect((await slo(wrong)).pull?.lastError).toMatch(
      /^good: the Prometheus refuses the query: .*parse error/,
    );
    expect((await slo(many)).pull?.lastError).toBe(
      'good: the query answers 2 series instead of one; aggregate it, with sum() for example',
    );
    expect(await counts(fine)).toEqual(expected(AT - 15 * MINUTE_MS, AT));
  });

  test('a past range is filled in', async () => {
    const { create, settle, slo, counts, env } = createPulling(database, NOW, settings());
    const id = await create('past', { type: 'prometheus', source: 'main', ...RATIO });
    const ctx = actingAs(env, 'primary');
    await startBackfill({ ctx, input: { id, fromMs: AT - 3 * HOUR_MS } });
    await settle();
    expect((await slo(id)).backfill).toMatchObject({ minutes: 180, nextMs: AT });
    expect(await counts(id)).toEqual(expected(AT - 3 * HOUR_MS, AT));
  });
});

describe('a server that is not well', () => {
  type Behaviour = (response: ServerResponse) => void;
  let behave: Behaviour = (response) => response.end();
  let server: Server;
  let url = '';
  beforeAll(async () => {
    server = createServer((_request, response) => behave(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const matrix = (values: unknown, more: object = {}): string =>
    JSON.stringify({
      status: 'success',
      data: { resultType: 'matrix', result: [{ metric: {}, values }] },
      ...more,
    });
  const answer =
    (text: string, status = 200): Behaviour =>
    (response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  const asked = { query: 'up', startMs: AT, endMs: AT + MINUTE_MS, stepMs: MINUTE_MS };
  const ask = (timeoutMs = 20_000) => queryRange({ url, headers: { 'x-key': 'k' } }, asked, never, timeoutMs);

  test.each<[name: string, behaviour: Behaviour, message: RegExp]>([
    ['a page', answer('<html>ok</html>'), /something else than a result/],
    ['half an answer', answer('{"status":"success","data":{"resultType":"matrix","res'), /something else/],
    ['a vector', answer('{"status":"success","data":{"resultType":"vector","result":[]}}'), /something else/],
    ['another time', answer(matrix([[AT / 1000 + 7, '1']])), /times that were not asked for/],
    [
      'a time twice',
      answer(
        matrix([
          [AT / 1000, '1'],
          [AT / 1000, '1'],
        ]),
      ),
      /times that were not asked for/,
    ],
    ['no number', answer(matrix([[AT / 1000, 'many']])), /value that is no number/],
    ['an answer in part', answer(matrix([], { warnings: ['store gone'] })), /in part only: store gone/],
    ['a failure', answer('oops', 500), /answered with status 500$/],
    [
      'a slow query',
      answer('{"status":"error","errorType":"timeout","error":"late"}', 503),
      /status 503: late/,
    ],
    [
      'another place',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /status 302/,
    ],
    [
      'a connection that ends in the middle',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"status"', () => response.destroy());
      },
      /cannot be reached/,
    ],
    [
      'far too much',
      (response) => {
        response.writeHead(200);
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(1 << 20)));
        };
        response.on('drain', more);
        more();
      },
      /more than 16 MB/,
    ],
  ])('%s is an error, and no data', async (_name, behaviour, message) => {
    behave = behaviour;
    await expect(ask()).rejects.toThrow(message);
  });

  test('hints about the query are no error', async () => {
    behave = answer(
      matrix([[AT / 1000, '0.5']], { warnings: ['PromQL info: metric might not be a counter'] }),
    );
    expect(await ask()).toEqual([[AT, 0.5]]);
  });

  test('one that is silent is given up, and holds up no other source', async () => {
    behave = () => undefined;
    await expect(ask(200)).rejects.toThrow('did not answer in time');
    await database.query('CREATE TABLE calls (at timestamptz, good int, total int)');
    await database.query('INSERT INTO calls VALUES ($1, 9, 10)', [new Date(AT - 1000)]);
    const settings = {
      prometheus: { silent: { url, headers: {}, accounts: ['primary'] } },
      tables: {
        calls: {
          table: 'calls',
          columns: { time: 'at', good: 'good', total: 'total' },
          accounts: ['primary'],
        },
      },
    };
    const { create, counts, env } = createPulling(database, NOW, settings);
    await create('silent', { type: 'prometheus', source: 'silent', ...RATIO });
    const id = await create('calls', { type: 'table', source: 'calls' });
    const stopped = new AbortController();
    const readers = createSourceReaders(database.db, settings);
    const { rounds } = await createPullRounds(env, { readers, held: () => null })(stopped.signal);
    const round = await Promise.race(rounds);
    expect(round).toMatchObject({ read: 1, failed: 0 });
    expect(await counts(id)).toEqual({ '11:59': [9, 10] });
    stopped.abort();
    await Promise.all(rounds);
  });
});
