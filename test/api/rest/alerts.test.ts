import { beforeAll, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { evaluate } from '../../../src/services/evaluate.ts';
import { createRestClient, type RestClient } from './rest-client.ts';

const NOON = Date.parse('2026-03-10T12:00:00Z');
const at = (minute: number): string =>
  new Date(NOON + minute * MINUTE_MS).toISOString().replace('.000Z', 'Z');

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: at(0) });
});

/** Minutes after noon, both included; 10 events in each. */
async function push(slo: string, from: number, to: number, good: number): Promise<void> {
  const points = Array.from({ length: to - from + 1 }, (_, i) => ({ at: at(from + i), good, total: 10 }));
  const answer = await rest.ask('POST', `/api/v1/slos/${slo}/measurements`, { json: { points } });
  expect(answer.status).toBe(202);
}

async function evaluateAt(minute: number): Promise<void> {
  rest.environment.clock.set(NOON + minute * MINUTE_MS);
  await evaluate(rest.environment);
}

const alerts = async (slo: string, query = '') => {
  const { status, body } = await rest.ask('GET', `/api/v1/slos/${slo}/alerts${query}`);
  expect(status).toBe(200);
  return body.data;
};

test('the history of alerts: when each fired, and when it resolved, true to late data', async () => {
  const conditions = [
    { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 10 },
  ];
  await rest.ask('POST', '/api/v1/slos', {
    json: { name: 'api', target: 0.99, alert_policy: { conditions } },
  });
  expect(await alerts('default.api')).toEqual([]);
  await push('default.api', -60, -1, 10);
  await evaluateAt(0);
  expect(await alerts('default.api')).toEqual([]);
  // After k bad minutes the hour holds k / 60 bad, a burn of 100 k / 60: 10 at k = 6, which is 12:06.
  rest.environment.clock.set(NOON + 10 * MINUTE_MS);
  await push('default.api', 0, 9, 0);
  await evaluateAt(10);
  const page = { objective: 'default', condition: 'burn_rate:1h:5m:page', severity: 'page' };
  expect(await alerts('default.api')).toEqual([{ ...page, firing_since: at(6), resolved_at: null }]);
  rest.environment.clock.set(NOON + 60 * MINUTE_MS);
  await push('default.api', 10, 59, 10);
  await evaluateAt(60);
  // At 12:14 the last five minutes hold one bad one, a burn of 20, and at 12:15 none; 5 minutes after 12:14 it resolves.
  const first = { ...page, firing_since: at(6), resolved_at: at(19) };
  expect(await alerts('default.api')).toEqual([first]);
  expect(await alerts('default.api', `?from=${at(19)}`)).toEqual([]);
  expect(await alerts('default.api', `?from=${at(18)}&to=${at(7)}`)).toEqual([first]);
  expect(await alerts('default.api', `?to=${at(6)}`)).toEqual([]);
  expect(await alerts('default.api', '?objective=default')).toEqual([first]);
  // What seemed bad was good: the alert never was.
  await push('default.api', 0, 9, 10);
  await evaluateAt(61);
  expect(await alerts('default.api')).toEqual([]);
});

test("another account's alerts are not there, and a query must be understood", async () => {
  await rest.ask('POST', '/api/v1/slos', { json: { name: 'mine', target: 0.9 } });
  expect((await rest.ask('GET', '/api/v1/slos/default.mine/alerts')).body).toEqual({ data: [] });
  const theirs = await rest.ask('GET', '/api/v1/slos/default.mine/alerts', { account: 'others' });
  const nothing = await rest.ask('GET', '/api/v1/slos/default.none/alerts', { account: 'others' });
  expect([theirs.status, theirs.body]).toEqual([404, nothing.body]);
  for (const query of ['from=today', 'objective=other', 'colour=red']) {
    expect((await rest.ask('GET', `/api/v1/slos/default.mine/alerts?${query}`)).status).toBe(422);
  }
});
