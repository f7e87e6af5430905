import { beforeAll, describe, expect, test } from 'vitest';
import { createRestClient, type RestClient } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: '2026-11-10T12:00:30Z' });
});

const ADJUSTMENTS = '/api/v1/slos/default.api/adjustments';
const ADJUSTMENT = { starts_at: '2026-11-10T11:00:00Z', duration: '30m', reason: 'move' };

/** An SLO whose last hour was bad. */
async function define(account: string): Promise<void> {
  const json = { name: 'api', target: 0.9, time_window: { type: 'rolling', duration: '3h' } };
  expect(await rest.ask('POST', '/api/v1/slos', { account, json })).toMatchObject({ status: 201 });
  const points = Array.from({ length: 120 }, (_, i) => ({
    at: new Date(Date.parse('2026-11-10T10:00:00Z') + i * 60_000).toISOString(),
    good: i < 60 ? 10 : 0,
    total: 10,
  }));
  await rest.ask('POST', '/api/v1/slos/default.api/measurements', { account, json: { points } });
}

async function status(account: string) {
  const { body } = await rest.ask('GET', '/api/v1/slos/default.api', { account });
  return body.status.objectives[0];
}

describe('budget adjustments', () => {
  test('are added, shown with the SLO and its snapshots, and removed', async () => {
    const account = 'added';
    await define(account);
    expect(await status(account)).toMatchObject({ reliability: 600 / 1200 });
    const added = await rest.ask('POST', ADJUSTMENTS, { account, json: ADJUSTMENT });
    expect(added).toMatchObject({
      status: 201,
      body: { starts_at: '2026-11-10T11:00:00Z', duration: '30m', rrule: null, reason: 'move' },
    });
    // 30 of the 60 bad minutes count as if they never were.
    expect(await status(account)).toMatchObject({
      reliability: 600 / 900,
      last_data_at: '2026-11-10T11:59:00Z',
    });
    const slo = await rest.ask('GET', '/api/v1/slos/default.api', { account });
    expect(slo.body.adjustments).toEqual([added.body]);
    const range = 'from=2026-11-10T11:30:00Z&to=2026-11-10T11:31:00Z';
    const { body } = await rest.ask('GET', `/api/v1/slos/default.api/snapshots?${range}`, { account });
    expect(body.data).toMatchObject([
      { received_good: 0, received_total: 10, used_good: null, used_total: null, adjusted: true },
      { received_good: 0, received_total: 10, used_good: 0, used_total: 10, adjusted: false },
    ]);

    const path = `${ADJUSTMENTS}/${added.body.id}`;
    expect(await rest.ask('DELETE', path, { account: 'another' })).toMatchObject({ status: 404 });
    expect(await rest.ask('DELETE', path, { account })).toMatchObject({ status: 204 });
    expect(await rest.ask('DELETE', path, { account })).toMatchObject({ status: 404 });
    expect(await status(account)).toMatchObject({ reliability: 600 / 1200 });
  });

  test('of the future take out what comes in then', async () => {
    const account = 'future';
    await define(account);
    const json = { starts_at: '2026-11-10T12:00:00Z', duration: '1h' };
    expect(await rest.ask('POST', ADJUSTMENTS, { account, json })).toMatchObject({ status: 201 });
    const points = [{ at: '2026-11-10T12:00:10Z', good: 0, total: 1_000_000 }];
    await rest.ask('POST', '/api/v1/slos/default.api/measurements', { account, json: { points } });
    expect(await status(account)).toMatchObject({ count_total: 1200 });
  });

  test('are refused with a detail per fault, by readers, and for an SLO that there is not', async () => {
    const account = 'refused';
    await define(account);
    const ask = (json: object, role?: string) =>
      rest.ask('POST', ADJUSTMENTS, { account, json, ...(role === undefined ? {} : { role }) });
    expect(await ask({ duration: '30m' })).toMatchObject({
      status: 422,
      body: { details: [{ path: 'starts_at' }] },
    });
    expect(await ask({ ...ADJUSTMENT, rrule: 'FREQ=MINUTELY' })).toMatchObject({
      status: 422,
      body: { details: [{ path: 'rrule' }] },
    });
    expect(await ask(ADJUSTMENT, 'viewer')).toMatchObject({ status: 403 });
    expect(await rest.ask('POST', ADJUSTMENTS, { account: 'nobody', json: ADJUSTMENT })).toMatchObject({
      status: 404,
    });
  });
});
