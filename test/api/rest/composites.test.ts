import { beforeAll, expect, test } from 'vitest';
import { createRestClient, type RestClient } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: '2026-11-10T12:00:30Z' });
});

const create = (account: string, json: object) => rest.ask('POST', '/api/v1/slos', { account, json });
const composite = (name: string, ...slos: readonly string[]) => ({
  name,
  target: 0.9,
  time_window: { type: 'rolling', duration: '3h' },
  sli: { type: 'composite', components: slos.map((slo) => ({ slo })) },
});

async function push(account: string, slo: string, good: number): Promise<void> {
  const points = Array.from({ length: 10 }, (_, i) => ({
    at: new Date(Date.parse('2026-11-10T11:50:00Z') + i * 60_000).toISOString(),
    good,
    total: 10,
  }));
  const answer = await rest.ask('POST', `/api/v1/slos/default.${slo}/measurements`, {
    account,
    json: { points },
  });
  expect(answer.status).toBe(202);
}

async function status(account: string, slo: string) {
  const { body } = await rest.ask('GET', `/api/v1/slos/default.${slo}`, { account });
  return body.status.objectives[0];
}

test('a change of a component reaches every composite above it, and late or removed data too', async () => {
  const account = 'nested';
  for (const name of ['a', 'b', 'c']) await create(account, { name, target: 0.9 });
  await create(account, composite('ab', 'a', 'b'));
  await create(account, composite('abc', 'ab', 'c'));
  await push(account, 'a', 10);
  await push(account, 'b', 5);
  await push(account, 'c', 10);
  // ab is (1 + 0.5) / 2, abc is (0.75 + 1) / 2.
  expect((await status(account, 'ab')).reliability).toBeCloseTo(0.75, 9);
  const shown = await status(account, 'abc');
  expect(shown.reliability).toBeCloseTo(0.875, 9);
  expect(shown).toMatchObject({
    count_total: 1,
    components: [{ slo: 'ab', weight: 1, delay_seconds: 0, was_delayed: 0 }, { slo: 'c' }],
  });
  const impacts = shown.components.map(({ impact }: { impact: number }) => impact);
  expect(impacts[0] + impacts[1]).toBeCloseTo(1 - shown.budget, 9);
  await push(account, 'b', 10);
  expect((await status(account, 'abc')).reliability).toBeCloseTo(1, 9);
});

test('a composite that is made of data that is there has its history', async () => {
  const account = 'history';
  await create(account, { name: 'a', target: 0.9 });
  await push(account, 'a', 8);
  await create(account, composite('all', 'a'));
  expect((await status(account, 'all')).reliability).toBeCloseTo(0.8, 9);
});

test('cycles and components that there are not are refused, with a path', async () => {
  const account = 'cycles';
  await create(account, { name: 'a', target: 0.9 });
  await create(account, composite('b', 'a'));
  await create(account, composite('c', 'b'));
  const json = { sli: { components: [{ slo: 'a' }, { slo: 'c' }] } };
  expect(await rest.ask('PATCH', '/api/v1/slos/default.b', { account, json })).toMatchObject({
    status: 422,
    body: {
      details: [
        { path: 'sli.components[1].slo', message: 'makes a cycle: default.b -> default.c -> default.b' },
      ],
    },
  });
  expect(await create(account, composite('d', 'nothing'))).toMatchObject({
    status: 422,
    body: { details: [{ path: 'sli.components[0].slo' }] },
  });
  expect(await create(account, composite('e', 'e'))).toMatchObject({ status: 422 });
});

test('what a composite is made of cannot be removed', async () => {
  const account = 'removed';
  const objectives = [
    { name: 'default', target: 0.9 },
    { name: 'other', target: 0.99 },
  ];
  await create(account, { name: 'a', objectives });
  await create(account, composite('all', 'a'));
  expect(await rest.ask('DELETE', '/api/v1/slos/default.a', { account })).toMatchObject({
    status: 409,
    body: { error: expect.stringContaining('default.all') },
  });
  const remove = (name: string) =>
    rest.ask('PATCH', '/api/v1/slos/default.a', { account, json: { objectives: [{ name, remove: true }] } });
  expect(await remove('default')).toMatchObject({ status: 409 });
  expect(await remove('other')).toMatchObject({ status: 200 });
  expect(await rest.ask('DELETE', '/api/v1/slos/default.all', { account })).toMatchObject({ status: 204 });
  expect(await rest.ask('DELETE', '/api/v1/slos/default.a', { account })).toMatchObject({ status: 204 });
});

test('a composite takes no measurements', async () => {
  const account = 'points';
  await create(account, { name: 'a', target: 0.9 });
  await create(account, composite('all', 'a'));
  const json = { points: [{ at: '2026-11-10T11:50:00Z', good: 1, total: 1 }] };
  expect(await rest.ask('POST', '/api/v1/slos/default.all/measurements', { account, json })).toMatchObject({
    status: 422,
  });
});
