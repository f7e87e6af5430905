import { beforeEach, describe, expect, test } from 'vitest';
import { burnRateSchema } from '../../../src/api/rest/wire/burn-rate.ts';
import { listedSloSchema, sloSchema, sloWithStatusSchema } from '../../../src/api/rest/wire/slo.ts';
import { snapshotSchema } from '../../../src/api/rest/wire/snapshot.ts';
import { createRestClient, NOW, type RestClient } from './rest-client.ts';

const rest: RestClient = await createRestClient();

/** A fresh account for each test. */
let account = '';
let accounts = 0;
beforeEach(() => {
  accounts += 1;
  account = `account-${accounts}`;
});

const ask: RestClient['ask'] = (method, path, options) => rest.ask(method, path, { account, ...options });

async function define(json: Record<string, unknown>): Promise<{ id: string }> {
  const { status, body } = await ask('POST', '/api/v1/slos', { json });
  expect(status).toBe(201);
  return body;
}

/** `minutes` minutes that end now, with `bad` of 100 events bad in each. */
async function push(slo: string, minutes: number, bad = 0): Promise<void> {
  const points = Array.from({ length: minutes }, (_, k) => ({
    at: new Date(Date.parse(NOW) - (minutes - k) * 60_000).toISOString(),
    good: 100 - bad,
    total: 100,
  }));
  const { body } = await ask('POST', `/api/v1/slos/${slo}/measurements`, { json: { points } });
  expect(body).toEqual({ accepted: minutes });
}

describe('POST /api/v1/slos', () => {
  test('a name and a target make an SLO with every default', async () => {
    const answer = await ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.999 } });
    expect(answer.status).toBe(201);
    expect(sloSchema.parse(answer.body)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source_account_id: account,
      adjustments: [],
      name: 'api',
      display_name: '',
      description: '',
      project: 'default',
      service: 'api',
      labels: {},
      budgeting_method: 'occurrences',
      time_slice_window: null,
      time_window: { type: 'rolling', duration: '28d' },
      sli: { type: 'ratio', incremental: false, alignment: 'drop', source: { type: 'push' } },
      objectives: [{ name: 'default', display_name: '', target: 0.999, primary: true }],
      alert_policy: { conditions: 'default' },
      alerts: [],
      undelivered_alerts: [],
      state: 'no_data',
      warnings: [],
      created_at: NOW,
      updated_at: NOW,
      last_pulled_at: null,
      lag_seconds: null,
      last_error: null,
    });
    expect(answer.headers.get('location')).toBe(`/api/v1/slos/${answer.body.id}`);
  });

  test('what was read can be written, but for the fields of the service', async () => {
    const json = {
      name: 'checkout-availability',
      project: 'shop',
      service: 'checkout',
      display_name: 'Checkout',
      description: 'Two\nlines',
      labels: { team: 'payments' },
      budgeting_method: 'timeslices',
      time_slice_window: '5m',
      time_window: {
        type: 'calendar',
        unit: 'month',
        count: 1,
        time_zone: 'Europe/Paris',
        start: '2024-01-01T00:00:00',
      },
      sli: { type: 'threshold', source: { type: 'push' } },
      objectives: [
        {
          name: 'fast',
          display_name: '',
          target: 0.9,
          primary: true,
          time_slice_target: 0.95,
          op: 'lte',
          value: 0.2,
        },
        {
          name: 'slow',
          display_name: '',
          target: 0.99,
          primary: false,
          time_slice_target: 1,
          op: 'lt',
          value: 1,
        },
      ],
      alert_policy: { conditions: 'default' },
    };
    expect(await define(json)).toMatchObject(json);
  });

  test('target_percent is read back as a target', async () => {
    expect(await define({ name: 'api', target_percent: 99.9 })).toMatchObject({
      objectives: [{ target: 0.999 }],
    });
  });

  test('an alert that can never fire is a warning', async () => {
    const { warnings } = (await define({ name: 'api', target: 0.9 })) as unknown as { warnings: string[] };
    // 13.44 times a tenth is more than everything.
    expect(warnings).toEqual([expect.stringContaining('can never fire')]);
  });

  test('a name that the project has is a conflict', async () => {
    await define({ name: 'api', target: 0.9 });
    const again = await ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.9 } });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await define({ name: 'api', project: 'other', target: 0.9 });
  });
});

describe('GET /api/v1/slos/{id}', () => {
  test('gives the SLO with its status, by UUID and by project.name', async () => {
    const { id } = await define({ name: 'api', target: 0.9 });
    // 10 of 1,000 events are bad, of 100 that may be.
    await push('default.api', 10, 1);
    const byName = await ask('GET', '/api/v1/slos/default.api');
    expect(byName.status).toBe(200);
    expect(sloWithStatusSchema.parse(byName.body)).toMatchObject({
      id,
      state: 'healthy',
      status: {
        at: NOW,
        objectives: [
          {
            objective: 'default',
            state: 'healthy',
            target: 0.9,
            reliability: 0.99,
            count_good: 990,
            count_total: 1000,
            bad_used: 10,
            window: { start: '2026-02-10T12:00:00Z', end: NOW },
            last_data_at: '2026-03-10T11:59:00Z',
          },
        ],
      },
    });
    const [status] = byName.body.status.objectives;
    expect(status.budget).toBeCloseTo(0.9, 12);
    expect(status.bad_allowed).toBeCloseTo(100, 9);
    expect((await ask('GET', `/api/v1/slos/${id}`)).text).toBe(byName.text);
  });

  test('?at= gives the status at a past time', async () => {
    await define({ name: 'api', target: 0.9 });
    await push('default.api', 10, 1);
    for (const at of ['2026-03-10T11:55:30Z', '2026-03-10T12:55:30%2B01:00', '2026-03-10T12:55:30+01:00']) {
      const { body } = await ask('GET', `/api/v1/slos/default.api?at=${at}`);
      // Five minutes are complete by then.
      expect(body.status).toMatchObject({ at: '2026-03-10T11:55:00Z', objectives: [{ count_total: 500 }] });
    }
    const before = await ask('GET', '/api/v1/slos/default.api?at=2026-03-10T11:00:00Z');
    expect(before.body.status.objectives[0]).toMatchObject({
      state: 'no_data',
      reliability: null,
      budget: null,
    });
  });
});

describe('GET /api/v1/slos', () => {
  beforeEach(async () => {
    await define({ name: 'api', target: 0.9, project: 'shop', labels: { team: 'payments', tier: '1' } });
    await define({
      name: 'web',
      target: 0.9,
      project: 'shop',
      service: 'front',
      labels: { team: 'payments' },
    });
    await define({ name: 'mail', target: 0.9, display_name: 'Post 100% sure', labels: { team: 'mail' } });
  });

  const names = async (query: string): Promise<string[]> => {
    const { status, body } = await ask('GET', `/api/v1/slos${query}`);
    expect(status).toBe(200);
    expect(body.total).toBeGreaterThanOrEqual(body.data.length);
    return body.data.map(({ name }: { name: string }) => name);
  };

  test('lists a page', async () => {
    const { body } = await ask('GET', '/api/v1/slos?limit=2&offset=1&sort=name');
    expect(body).toMatchObject({ total: 3, limit: 2, offset: 1, data: [{ name: 'mail' }, { name: 'web' }] });
    for (const slo of body.data) sloSchema.parse(slo);
    expect((await ask('GET', '/api/v1/slos')).body).toMatchObject({ total: 3, limit: 100, offset: 0 });
  });

  test.each([
    ['?project=shop&sort=name', ['api', 'web']],
    ['?service=front', ['web']],
    ['?state=no_data&sort=-name', ['web', 'mail', 'api']],
    ['?state=healthy', []],
    ['?label=team=payments&sort=name', ['api', 'web']],
    ['?label=team=payments&label=tier=1', ['api']],
    ['?q=ap', ['api']],
    ['?q=100%25', ['mail']],
    ['?q=%25', ['mail']],
    ['?q=_', []],
    ['?project=nothing', []],
  ])('%s gives %j', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  test('?status=1 adds each status, ?at= at a past time', async () => {
    await push('shop.api', 10);
    const now = await ask('GET', '/api/v1/slos?status=1&project=shop&sort=name');
    for (const slo of now.body.data) expect(listedSloSchema.parse(slo)).toHaveProperty('status');
    expect(now.body.data[0].status.objectives[0]).toMatchObject({ state: 'healthy', count_total: 1000 });
    expect(now.body.data[1].status.objectives[0]).toMatchObject({ state: 'no_data' });
    const past = await ask('GET', '/api/v1/slos?status=1&at=2026-03-10T11:51:00Z&q=api');
    expect(past.body.data[0].status.objectives[0]).toMatchObject({ count_total: 100 });
    const without = await ask('GET', '/api/v1/slos?status=0');
    expect(without.body.data[0]).not.toHaveProperty('status');
  });
});

describe('PATCH /api/v1/slos/{id}', () => {
  test('merges, and keeps what is not named', async () => {
    await define({ name: 'api', target: 0.9, labels: { team: 'a', tier: '1' }, description: 'before' });
    rest.environment.clock.advance(60_000);
    const json = { labels: { tier: null, region: 'eu' }, target: 0.95, display_name: 'API' };
    const { status, body } = await ask('PATCH', '/api/v1/slos/default.api', { json });
    expect(status).toBe(200);
    expect(sloSchema.parse(body)).toMatchObject({
      labels: { team: 'a', region: 'eu' },
      description: 'before',
      display_name: 'API',
      objectives: [{ name: 'default', target: 0.95 }],
      created_at: NOW,
      updated_at: '2026-03-10T12:01:00Z',
    });
    rest.environment.clock.set(Date.parse(NOW));
  });

  test.each([
    ['id', 'e58ed763-928c-4155-bee9-fdbaaadc15f3'],
    ['project', 'x'],
    ['name', 'x'],
  ])('%s cannot change', async (field, value) => {
    await define({ name: 'api', target: 0.9 });
    const { status, body } = await ask('PATCH', '/api/v1/slos/default.api', { json: { [field]: value } });
    expect(status).toBe(422);
    expect(body.details).toEqual([{ path: field, message: 'cannot be changed' }]);
  });
});

test('DELETE /api/v1/slos/{id} removes it', async () => {
  await define({ name: 'api', target: 0.9 });
  await push('default.api', 3);
  const gone = await ask('DELETE', '/api/v1/slos/default.api');
  expect([gone.status, gone.text]).toEqual([204, '']);
  for (const method of ['GET', 'DELETE']) {
    expect((await ask(method, '/api/v1/slos/default.api')).status).toBe(404);
  }
});

test('GET /api/v1/slos/{id}/burn-rate gives windows and alerts', async () => {
  const { id } = await define({
    name: 'api',
    objectives: [
      { name: 'hard', target: 0.99, primary: true },
      { name: 'easy', target: 0.5 },
    ],
  });
  await push('default.api', 10, 20);
  const answer = await ask('GET', '/api/v1/slos/default.api/burn-rate');
  expect(answer.status).toBe(200);
  const burnRate = burnRateSchema.parse(answer.body);
  expect(burnRate).toMatchObject({ slo_id: id, at: NOW });
  const [hard] = burnRate.objectives;
  // 20 of 100 are bad, 1 of 100 may be.
  expect(hard?.burn_rate).toBeCloseTo(20, 9);
  expect(hard?.windows.map(({ window }) => window)).toEqual([
    '5m',
    '30m',
    '1h',
    '2h',
    '6h',
    '1d',
    '3d',
    '28d',
  ]);
  expect(hard?.windows[0]).toMatchObject({ error_ratio: 0.2, good: 400, total: 500 });
  expect(hard?.alerts[0]).toEqual({
    severity: 'page',
    long_window: '1h',
    short_window: '5m',
    factor: 13.44,
    holds: true,
    // The first of the ten minutes ended then.
    firing_since: '2026-03-10T11:51:00Z',
  });
  const one = await ask('GET', '/api/v1/slos/default.api/burn-rate?objective=easy&at=2026-03-10T11:00:00Z');
  expect(one.body.objectives).toMatchObject([{ objective: 'easy', burn_rate: null }]);
});

describe('GET /api/v1/slos/{id}/snapshots', () => {
  beforeEach(async () => {
    await define({ name: 'api', target: 0.9 });
    await push('default.api', 90, 1);
  });

  const list = async (query: string) => {
    const { status, body } = await ask('GET', `/api/v1/slos/default.api/snapshots${query}`);
    expect(status).toBe(200);
    for (const snapshot of body.data) snapshotSchema.parse(snapshot);
    return body;
  };

  test('gives the history, newest last', async () => {
    const { data, next_cursor } = await list('');
    expect(data).toHaveLength(90);
    expect(next_cursor).toBeNull();
    expect(data[0]).toMatchObject({
      at: '2026-03-10T10:31:00Z',
      objective: 'default',
      target: 0.9,
      count_total: 100,
    });
    expect(data.at(-1)).toMatchObject({ at: NOW, count_total: 9000, state: 'healthy' });
  });

  test('from and to bound it', async () => {
    const { data } = await list('?from=2026-03-10T11:00:00Z&to=2026-03-10T11:09:00Z&objective=default');
    expect(data).toHaveLength(10);
  });

  test('step thins it to the last in each step', async () => {
    const { data } = await list('?step=30m');
    expect(data.map(({ at }: { at: string }) => at)).toEqual([
      '2026-03-10T11:00:00Z',
      '2026-03-10T11:30:00Z',
      NOW,
    ]);
  });

  test('pages hang together', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    do {
      const page = await list(
        `?limit=40${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor ?? '')}`}`,
      );
      seen.push(...page.data.map(({ at }: { at: string }) => at));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(90);
    expect(new Set(seen).size).toBe(90);
    expect([...seen].sort()).toEqual(seen);
  });
});
