import { beforeAll, expect, test } from 'vitest';
import { createRestClient, type RestClient } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: '2026-11-10T12:00:30Z' });
});

let account = 0;

/** An SLO over three hours in an account of its own. */
async function define(sli: object) {
  account += 1;
  const name = `account-${account}`;
  const json = { name: 'api', target: 0.9, sli, time_window: { type: 'rolling', duration: '3h' } };
  expect(await rest.ask('POST', '/api/v1/slos', { account: name, json })).toMatchObject({ status: 201 });
  return {
    async push(...points: readonly object[]) {
      const path = '/api/v1/slos/default.api/measurements';
      return rest.ask('POST', path, { account: name, json: { points } });
    },
    /** By minute, `11:00` for the one that begins then. */
    async minutes() {
      const { body } = await rest.ask('GET', '/api/v1/slos/default.api/snapshots', { account: name });
      return new Map(
        body.data.map((one: { at: string }) => [
          new Date(Date.parse(one.at) - 60_000).toISOString().slice(11, 16),
          one,
        ]),
      );
    },
    patch: (json: object) => rest.ask('PATCH', '/api/v1/slos/default.api', { account: name, json }),
  };
}

const at = (time: string): string => `2026-11-10T${time}Z`;

test('received and used are both shown: the values of a counter, and their increases', async () => {
  const slo = await define({ type: 'ratio', incremental: true });
  await slo.push(
    { at: at('11:00:10'), good: 1000, total: 900 },
    { at: at('11:01:10'), good: 1009, total: 910 },
  );
  const minutes = await slo.minutes();
  // The first values say nothing of what they rose by.
  expect(minutes.get('11:00')).toMatchObject({
    received_good: 1000,
    received_total: 900,
    used_good: null,
    used_total: null,
    state: 'no_data',
  });
  expect(minutes.get('11:01')).toMatchObject({
    received_good: 1009,
    received_bad: null,
    received_total: 910,
    used_good: 9,
    used_total: 10,
    reliability: 0.9,
  });
});

test('a late point takes its share from the next minute that has a value', async () => {
  const slo = await define({ type: 'ratio', incremental: true });
  await slo.push({ at: at('10:00:00'), good: 0, total: 0 }, { at: at('11:30:00'), good: 90, total: 100 });
  expect((await slo.minutes()).get('11:30')).toMatchObject({ used_good: 90, used_total: 100 });
  await slo.push({ at: at('10:20:00'), good: 30, total: 40 });
  const minutes = await slo.minutes();
  expect(minutes.get('10:20')).toMatchObject({ used_good: 30, used_total: 40 });
  expect(minutes.get('11:30')).toMatchObject({
    used_good: 60,
    used_total: 60,
    count_good: 90,
    count_total: 100,
  });
});

test('a good that rose by more than its total is clamped', async () => {
  const slo = await define({ type: 'ratio', incremental: true });
  await slo.push({ at: at('11:00:00'), good: 5, total: 5 }, { at: at('11:01:00'), good: 17, total: 15 });
  expect((await slo.minutes()).get('11:01')).toMatchObject({ used_good: 10, used_total: 10 });
});

test('a missing counterpart is interpolated between neighbours that are near enough, never beyond them', async () => {
  const slo = await define({ type: 'ratio', alignment: 'interpolate' });
  await slo.push(
    { at: at('11:00:00'), good: 8, total: 10 },
    { at: at('11:01:00'), good: 9 },
    { at: at('11:04:00'), good: 9, total: 18 },
    { at: at('11:05:00'), good: 9 },
    { at: at('11:10:00'), good: 9, total: 10 },
  );
  const minutes = await slo.minutes();
  // 10 + (18 - 10) / 4 = 12
  expect(minutes.get('11:01')).toMatchObject({
    received_good: 9,
    received_total: null,
    used_good: 9,
    used_total: 12,
  });
  // 18 + (10 - 18) / 6, one minute after 11:04 and five before 11:10
  expect(Number(Object(minutes.get('11:05')).used_total)).toBeCloseTo(18 - 8 / 6, 9);
  await slo.push({ at: at('11:50:00'), good: 9 });
  expect((await slo.minutes()).get('11:50')).toMatchObject({
    received_good: 9,
    used_good: null,
    used_total: null,
  });
});

test('how values count cannot change once there is data', async () => {
  const slo = await define({ type: 'ratio', incremental: true });
  expect(await slo.patch({ sli: { incremental: false } })).toMatchObject({ status: 200 });
  await slo.push({ at: at('11:00:00'), good: 1, total: 1 });
  expect(await slo.patch({ sli: { incremental: true, alignment: 'interpolate' } })).toMatchObject({
    status: 422,
    body: { details: [{ path: 'sli.incremental' }, { path: 'sli.alignment' }] },
  });
});
