import { beforeAll, describe, expect, test } from 'vitest';
import { createRestClient, NOW, type RestClient } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient();
  await rest.ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.9 } });
  await rest.ask('POST', '/api/v1/slos', {
    json: {
      name: 'latency',
      sli: { type: 'threshold' },
      objectives: [{ name: 'fast', target: 0.9, op: 'lte', value: 0.2 }],
    },
  });
});

const AT = '2026-03-10T11:00:00Z';
const totalOf = async (slo: string): Promise<number | null> =>
  (await rest.ask('GET', `/api/v1/slos/${slo}`)).body.status.objectives[0].count_total;

const record = (slo: string, points: unknown) =>
  rest.ask('POST', `/api/v1/slos/${slo}/measurements`, { json: { points } });

const stream = (lines: readonly unknown[], headers: Record<string, string> = {}) =>
  rest.ask('POST', '/api/v1/measurements', {
    raw: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });

describe('POST /api/v1/slos/{id}/measurements', () => {
  test('stores a batch; pushing it again replaces it', async () => {
    const points = [
      { at: AT, good: 9, total: 10 },
      { at: '2026-03-10T11:00:30Z', bad: 1, total: 10 },
    ];
    for (let times = 0; times < 2; times += 1) {
      expect(await record('default.api', points)).toMatchObject({ status: 202, body: { accepted: 2 } });
    }
    expect(await totalOf('default.api')).toBe(20);
  });

  test('a batch with one bad point stores nothing and names each fault', async () => {
    const before = await totalOf('default.api');
    const at = '2026-03-10T11:30:00Z';
    const answer = await record('default.api', [
      { at, good: 1, total: 1 },
      { at, good: 3, total: 2 },
      7,
      { at },
    ]);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
    expect(answer.body.details.map(({ path }: { path: string }) => path)).toEqual([
      'points[1].good',
      'points[2]',
      'points[3]',
    ]);
    expect(await totalOf('default.api')).toBe(before);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a negative good', { at: AT, good: -1, total: 1 }, 'good'],
    ['a negative total', { at: AT, good: 0, total: -1 }, 'total'],
    ['a text for a number', { at: AT, good: '1', total: 1 }, 'good'],
    ['a number for a text', { at: 7, good: 1, total: 1 }, 'at'],
    ['a date that is none', { at: '2026-02-30T00:00:00Z', good: 1, total: 1 }, 'at'],
    ['a time without an offset', { at: '2026-03-10T11:00:00', good: 1, total: 1 }, 'at'],
    ['a day alone', { at: '2026-03-10', good: 1, total: 1 }, 'at'],
    ['no time', { good: 1, total: 1 }, 'at'],
    ['the future, by more than 5 minutes', { at: '2026-03-10T12:05:01Z', good: 1, total: 1 }, 'at'],
    ['more than the retention ago', { at: '2025-11-30T11:59:00Z', good: 1, total: 1 }, 'at'],
    ['a good above its total', { at: AT, good: 2, total: 1 }, 'good'],
    ['a bad above its total', { at: AT, bad: 2, total: 1 }, 'bad'],
    ['a value for a ratio', { at: AT, good: 1, value: 1 }, 'value'],
    ['an unknown field', { at: AT, good: 1, total: 1, goods: 1 }, 'goods'],
    ['an unknown objective', { at: AT, good: 1, total: 1, objective: 'nope' }, 'objective'],
  ])('%s: 422 at its field', async (_name, point, field) => {
    const answer = await record('default.api', [point]);
    expect(answer.status).toBe(422);
    expect(answer.body.details).toEqual([{ path: `points[0].${field}`, message: expect.any(String) }]);
  });

  test('a number beyond all numbers is refused', async () => {
    const raw = `{"points":[{"at":"${AT}","good":1,"total":1e999}]}`;
    const answer = await rest.ask('POST', '/api/v1/slos/default.api/measurements', { raw });
    expect(answer).toMatchObject({ status: 422, body: { details: [{ path: 'points[0].total' }] } });
  });

  test('counts for a threshold are refused, its values are taken', async () => {
    const answer = await record('default.latency', [{ at: AT, good: 1, total: 1 }]);
    expect(answer.status).toBe(422);
    expect(
      await record('default.latency', [
        { at: AT, value: 0.1 },
        { at: AT, value: true },
      ]),
    ).toMatchObject({
      status: 202,
    });
    expect(await totalOf('default.latency')).toBe(2);
  });

  test.each<[string, unknown, string]>([
    ['no points', {}, 'points'],
    ['an empty list', { points: [] }, 'points'],
    ['no list', { points: {} }, 'points'],
    ['another field', { points: [{ at: AT, good: 1, total: 1 }], more: 1 }, 'more'],
    ['10,001 points', { points: Array.from({ length: 10_001 }, () => 0) }, 'points'],
  ])('%s: 422', async (_name, json, path) => {
    const answer = await rest.ask('POST', '/api/v1/slos/default.api/measurements', { json });
    expect(answer).toMatchObject({ status: 422, body: { details: [{ path }] } });
  });

  test('10,000 points go through at once', async () => {
    const start = Date.parse(NOW) - 10_000 * 60_000;
    const points = Array.from({ length: 10_000 }, (_, k) => ({
      at: new Date(start + k * 60_000).toISOString(),
      good: 1,
      total: 1,
    }));
    await rest.ask('POST', '/api/v1/slos', { json: { name: 'many', target: 0.9 } });
    expect(await record('default.many', points)).toMatchObject({ status: 202, body: { accepted: 10_000 } });
    expect(await totalOf('default.many')).toBe(10_000);
  });
});

describe('POST /api/v1/measurements', () => {
  test('stores the good lines of many SLOs and tells what is wrong with the others', async () => {
    await rest.ask('POST', '/api/v1/slos', { json: { name: 'one', target: 0.9 } });
    const { body: two } = await rest.ask('POST', '/api/v1/slos', { json: { name: 'two', target: 0.9 } });
    const answer = await stream([
      { slo: 'default.one', at: AT, good: 1, total: 2 },
      '{"slo": broken',
      '',
      { slo: two.id, at: AT, good: 1, total: 3 },
      { slo: 'default.none', at: AT, good: 1, total: 1 },
      { slo: 'default.one', at: AT, good: 5, total: 3 },
      '[1]',
    ]);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 2, rejected: 4 });
    expect(answer.body.errors.map(({ line }: { line: number }) => line)).toEqual([2, 5, 6, 7]);
    for (const { message } of answer.body.errors) expect(message).toEqual(expect.any(String));
    expect(await totalOf('default.one')).toBe(2);
    expect(await totalOf('default.two')).toBe(3);
  });

  test.each(['application/json', 'text/plain', 'application/x-ndjson; charset=latin1'])(
    '%s is not taken: 415',
    async (type) => {
      const answer = await stream([{ slo: 'default.api', at: AT, good: 1, total: 1 }], {
        'content-type': type,
      });
      expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
    },
  );

  test('no body is malformed', async () => {
    const headers = { 'content-type': 'application/x-ndjson' };
    expect(await rest.ask('POST', '/api/v1/measurements', { headers })).toMatchObject({ status: 400 });
  });

  test("another account's SLO is as unknown as none", async () => {
    const lines = `${JSON.stringify({ slo: 'default.api', at: AT, good: 1, total: 1 })}\n`;
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await rest.ask('POST', '/api/v1/measurements', { account: 'other', raw: lines, headers });
    expect(answer.body).toMatchObject({ accepted: 0, rejected: 1 });
    const none = await rest.ask('POST', '/api/v1/measurements', {
      account: 'other',
      raw: lines.replace('api', 'ape'),
      headers,
    });
    expect(answer.text.replaceAll('default.api', '')).toBe(none.text.replaceAll('default.ape', ''));
  });
});
