import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient, NOW } from './graphql-client.ts';

const MINUTE_MS = 60_000;
const RECORD = /* GraphQL */ `
  mutation Record($sloId: ID!, $points: [NpSloPointInput!]!) {
    recordMeasurements(sloId: $sloId, points: $points) {
      accepted
      errors { path code message }
    }
  }
`;

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
  await client.ask(/* GraphQL */ `
    mutation {
      api: createSlo(input: { name: "api", target: 0.99, labels: { team: "payments" } }) { errors { message } }
      latency: createSlo(
        input: {
          name: "latency"
          project: "web"
          sli: { type: "threshold", source: { type: "push" } }
          objectives: [
            { name: "fast", target: 0.5, op: LT, value: 100 }
            { name: "fair", target: 0.9, op: LTE, value: 200 }
          ]
        }
      ) { errors { message } }
      idle: createSlo(input: { name: "idle", target: 0.9 }) { errors { message } }
    }
  `);
  // Ten minutes, the last of which ends now: 100 events in each, 2 of them bad.
  await record('default.api', points(10, { good: 98, total: 100 }));
});

/** A point in each of the last `count` complete minutes, oldest first. */
function points(count: number, fields: Record<string, unknown>) {
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(Date.parse(NOW) - (count - i) * MINUTE_MS).toISOString(),
    ...fields,
  }));
}

async function record(sloId: string, list: readonly unknown[], role = 'admin') {
  const { data, errors } = await client.ask(RECORD, { sloId, points: list }, { role });
  expect(errors).toEqual([]);
  return data.recordMeasurements;
}

describe('recordMeasurements', () => {
  it('stores points and says how many', async () => {
    expect(await record('web.latency', points(3, { value: 150 }))).toEqual({ accepted: 3, errors: [] });
  });

  it('takes null for left out', async () => {
    const nothing = { bad: null, value: null, objective: null };
    const answer = await record('default.api', points(10, { good: 98, total: 100, ...nothing }));
    expect(answer).toEqual({ accepted: 10, errors: [] });
  });

  it('stores nothing when one point is bad, and says which', async () => {
    const [first] = points(1, { good: 100, total: 100 });
    const answer = await record('default.api', [
      first,
      { ...first, good: 101 },
      { ...first, good: -1 },
      { at: '2026-03-10T13:00:00Z', good: 1, total: 1 },
      { ...first, objective: 'unknown' },
    ]);
    expect(answer.accepted).toBeNull();
    const where = answer.errors.map(({ path }: { path: string }) => path.split('.')[0]);
    expect(new Set(where)).toEqual(new Set(['points[1]', 'points[2]', 'points[3]', 'points[4]']));
    expect(answer.errors[0].code).toBe('INVALID');
    const { data } = await client.ask('{ slo(id: "default.api") { status { objectives { countGood } } } }');
    expect(data.slo.status.objectives).toEqual([{ countGood: 980 }]);
  });

  it('is forbidden to a role that only reads', async () => {
    const answer = await record('default.api', points(1, { good: 1, total: 1 }), 'viewer');
    expect(answer).toMatchObject({ accepted: null, errors: [{ path: '', code: 'FORBIDDEN' }] });
  });

  it('knows no SLO of another account', async () => {
    const { data } = await client.ask(
      RECORD,
      { sloId: 'default.api', points: points(1, { good: 1, total: 1 }) },
      { account: 'other' },
    );
    expect(data.recordMeasurements).toMatchObject({ accepted: null, errors: [{ code: 'NOT_FOUND' }] });
  });

  it('refuses a number that is infinite and a time that is none', async () => {
    const infinite = await client.ask(/* GraphQL */ `
      mutation {
        recordMeasurements(sloId: "default.api", points: [{ at: "2026-03-10T11:59:00Z", good: 1, total: 1e999 }]) {
          accepted
          errors { path code }
        }
      }
    `);
    const errors = infinite.data?.recordMeasurements.errors ?? infinite.errors;
    expect(errors.length).toBeGreaterThan(0);
    const noTime = await client.ask(RECORD, {
      sloId: 'default.api',
      points: [{ at: '2026-02-30T00:00:00Z' }],
    });
    expect(noTime.errors[0]?.message).toContain('RFC 3339');
  });
});

describe('status', () => {
  it('carries every number, and null where there is none', async () => {
    const { data } = await client.ask(/* GraphQL */ `
      {
        slo(id: "default.api") {
          state
          status {
            at
            state
            objectives {
              objective state target reliability budget burnRate countGood countTotal badAllowed badUsed
              budgetMinutesRemaining timeToExhaustionSeconds lastDataAt window { start end }
            }
          }
        }
      }
    `);
    const [objective] = data.slo.status.objectives;
    expect(data.slo.status).toMatchObject({ at: NOW, state: 'EXHAUSTED' });
    expect(objective).toMatchObject({
      objective: 'default',
      state: 'EXHAUSTED',
      target: 0.99,
      countGood: 980,
      countTotal: 1000,
      badUsed: 20,
      timeToExhaustionSeconds: 0,
      lastDataAt: '2026-03-10T11:59:00Z',
      window: { start: '2026-02-10T12:00:00Z', end: NOW },
    });
    // 980 of 1000; 2 % bad where 1 % is allowed: twice the budget is gone, and at twice the rate.
    expect(objective.reliability).toBeCloseTo(0.98, 9);
    expect(objective.budget).toBeCloseTo(-1, 9);
    expect(objective.burnRate).toBeCloseTo(2, 9);
    expect(objective.badAllowed).toBeCloseTo(10, 9);
    // -1 of the 1 % of 28 days.
    expect(objective.budgetMinutesRemaining).toBeCloseTo(-0.01 * 28 * 24 * 60, 6);
  });

  it('is of the past when asked for', async () => {
    const { data } = await client.ask(
      'query At($at: DateTime) { slo(id: "default.api") { status(at: $at) { at objectives { countTotal } } } }',
      { at: '2026-03-10T11:55:30+00:00' },
    );
    // The five complete minutes from 11:50 on.
    expect(data.slo.status).toEqual({ at: '2026-03-10T11:55:00Z', objectives: [{ countTotal: 500 }] });
  });

  it('is each SLO its own where one document asks for several', async () => {
    const fields = 'status { objectives { objective countTotal } } burnRate { objectives { objective } }';
    const { data } = await client.ask(`{
      idle: slo(id: "default.idle") { ${fields} }
      none: slo(id: "default.none") { ${fields} }
      latency: slo(id: "web.latency") { ${fields} }
      api: slo(id: "default.api") { ${fields} }
    }`);
    const totals = (alias: string) =>
      data[alias].status.objectives.map((one: Record<string, unknown>) => [one.objective, one.countTotal]);
    expect(totals('idle')).toEqual([['default', null]]);
    expect(data.none).toBeNull();
    expect(totals('latency')).toEqual([
      ['fast', 3],
      ['fair', 3],
    ]);
    expect(totals('api')).toEqual([['default', 1000]]);
    expect(data.latency.burnRate.objectives).toEqual([{ objective: 'fast' }, { objective: 'fair' }]);
  });

  it('takes a null time for now', async () => {
    const { data } = await client.ask(
      'query At($at: DateTime) { slo(id: "default.api") { status(at: $at) { at } burnRate(at: $at) { at } } }',
      { at: null },
    );
    expect(data.slo).toEqual({ status: { at: NOW }, burnRate: { at: NOW } });
  });

  it('is NO_DATA with nulls, never zeros, where nothing was measured', async () => {
    const { data } = await client.ask(/* GraphQL */ `
      {
        slo(id: "default.idle") {
          status { state objectives { reliability budget burnRate countGood countTotal lastDataAt } }
        }
      }
    `);
    const nothing = { reliability: null, budget: null, burnRate: null, countGood: null, countTotal: null };
    expect(data.slo.status).toEqual({ state: 'NO_DATA', objectives: [{ ...nothing, lastDataAt: null }] });
  });
});

describe('burn rates', () => {
  const BURN = /* GraphQL */ `
    query Burn($id: ID!, $at: DateTime) {
      sloBurnRate(id: $id, at: $at) {
        sloId
        at
        objectives {
          objective target burnRate
          windows { window burnRate errorRatio good total }
          alerts { severity longWindow shortWindow factor holds firingSince }
        }
      }
    }
  `;

  it('come with their windows and alerts', async () => {
    const { data } = await client.ask(BURN, { id: 'default.api', at: null });
    const [objective] = data.sloBurnRate.objectives;
    expect(objective.windows.map(({ window }: { window: string }) => window)).toEqual([
      '5m',
      '30m',
      '1h',
      '2h',
      '6h',
      '1d',
      '3d',
      '28d',
    ]);
    expect(objective.windows[0]).toMatchObject({ good: 490, total: 500 });
    expect(objective.windows[0].errorRatio).toBeCloseTo(0.02, 9);
    expect(objective.alerts[0]).toEqual({
      severity: 'PAGE',
      longWindow: '1h',
      shortWindow: '5m',
      factor: 13.44,
      holds: false,
      firingSince: null,
    });
    expect(objective.alerts).toHaveLength(4);
  });

  it('are null for what is missing or foreign', async () => {
    expect(await client.ask(BURN, { id: 'default.none' })).toMatchObject({
      data: { sloBurnRate: null },
      errors: [],
    });
    const foreign = await client.ask(BURN, { id: 'default.api' }, { account: 'other' });
    expect(foreign).toMatchObject({ data: { sloBurnRate: null }, errors: [] });
  });
});

describe('snapshots', () => {
  const SNAPSHOTS = /* GraphQL */ `
    query Snapshots($sloId: ID!, $objective: String, $from: DateTime, $to: DateTime, $step: String, $limit: Int) {
      sloSnapshots(sloId: $sloId, objective: $objective, from: $from, to: $to, step: $step, limit: $limit) {
        at objective target reliability budget burnRate countGood countTotal state
      }
    }
  `;

  it('are one a minute, newest last', async () => {
    const { data } = await client.ask(SNAPSHOTS, { sloId: 'default.api' });
    expect(data.sloSnapshots).toHaveLength(10);
    expect(data.sloSnapshots.at(-1)).toMatchObject({
      at: NOW,
      objective: 'default',
      target: 0.99,
      countGood: 980,
      countTotal: 1000,
      state: 'EXHAUSTED',
    });
    expect(data.sloSnapshots[0]).toMatchObject({ at: '2026-03-10T11:51:00Z', countTotal: 100 });
  });

  it('take nulls for left out, and a step thins them', async () => {
    const nulls = { objective: null, from: null, to: null, step: null, limit: null };
    const all = await client.ask(SNAPSHOTS, { sloId: 'default.api', ...nulls });
    expect(all.data.sloSnapshots).toHaveLength(10);
    const thinned = await client.ask(SNAPSHOTS, { sloId: 'default.api', step: '5m' });
    expect(thinned.data.sloSnapshots.length).toBeLessThan(4);
  });

  it('are a field of an SLO too', async () => {
    const { data } = await client.ask(
      '{ slo(id: "default.api") { snapshots(from: "2026-03-10T11:55:00Z", limit: 3) { at } } }',
    );
    expect(data.slo.snapshots).toHaveLength(3);
  });

  it('refuse a step that is no duration, with its name', async () => {
    const { errors } = await client.ask(SNAPSHOTS, { sloId: 'default.api', step: 'often' });
    expect(errors[0]?.extensions).toMatchObject({ code: 'INVALID', details: [{ path: 'step' }] });
  });

  it('are empty for what is missing or foreign', async () => {
    expect(await client.ask(SNAPSHOTS, { sloId: 'default.none' })).toMatchObject({
      data: { sloSnapshots: [] },
      errors: [],
    });
    const foreign = await client.ask(SNAPSHOTS, { sloId: 'default.api' }, { account: 'other' });
    expect(foreign).toMatchObject({ data: { sloSnapshots: [] }, errors: [] });
  });
});

describe('reports', () => {
  const REPORTS = /* GraphQL */ `
    query Reports($period: NpSloPeriod, $from: DateTime, $to: DateTime, $sloId: ID, $project: String, $service: String) {
      sloReports(period: $period, from: $from, to: $to, sloId: $sloId, project: $project, service: $service) {
        sloId project slo service objective period start end open target reliability met good total bad
        budgetUsed minutesObserved minutesBad longestBadMinutes alertsFired revision revisedAt
      }
    }
  `;

  it('tell of the open month', async () => {
    const { data, errors } = await client.ask(REPORTS, { sloId: 'default.api', period: null, from: null });
    expect(errors).toEqual([]);
    const report = data.sloReports.at(-1);
    expect(report).toMatchObject({
      project: 'default',
      slo: 'api',
      service: 'api',
      objective: 'default',
      period: 'MONTH',
      start: '2026-03-01T00:00:00Z',
      end: '2026-04-01T00:00:00Z',
      open: true,
      met: false,
      good: 980,
      total: 1000,
      bad: 20,
      minutesObserved: 10,
    });
    expect(report.budgetUsed).toBeCloseTo(2, 9);
  });

  it('are empty for what is missing or foreign', async () => {
    expect(await client.ask(REPORTS, { sloId: 'default.none' })).toMatchObject({
      data: { sloReports: [] },
      errors: [],
    });
    const foreign = await client.ask(REPORTS, { sloId: 'default.api' }, { account: 'other' });
    expect(foreign).toMatchObject({ data: { sloReports: [] }, errors: [] });
  });
});

describe('slos', () => {
  const LIST = /* GraphQL */ `
    query List($filter: NpSloFilter, $limit: Int, $offset: Int, $sort: NpSloSort) {
      slos(filter: $filter, limit: $limit, offset: $offset, sort: $sort) { total items { name } }
    }
  `;
  const list = async (variables: Record<string, unknown>) => {
    const { data, errors } = await client.ask(LIST, variables);
    expect(errors).toEqual([]);
    return { total: data.slos.total, names: data.slos.items.map(({ name }: { name: string }) => name) };
  };

  it('lists all of the account', async () => {
    expect(await list({ sort: 'NAME' })).toEqual({ total: 3, names: ['api', 'idle', 'latency'] });
    const nulls = { filter: null, limit: null, offset: null, sort: null };
    expect((await list(nulls)).total).toBe(3);
    expect((await client.ask(LIST, {}, { account: 'other' })).data.slos).toEqual({ total: 0, items: [] });
  });

  it('pages', async () => {
    expect(await list({ sort: 'NAME_DESC', limit: 1, offset: 1 })).toEqual({ total: 3, names: ['idle'] });
  });

  it.each([
    [{ project: 'web' }, ['latency']],
    [{ service: 'api' }, ['api']],
    // No value of latency is below 100.
    [{ state: 'EXHAUSTED' }, ['api', 'latency']],
    [{ state: 'NO_DATA' }, ['idle']],
    [{ label: 'team=payments' }, ['api']],
    [{ label: ['team=payments', 'tier=1'] }, []],
    [{ q: 'aten' }, ['latency']],
    [{ project: null, service: null, state: null, label: null, q: null }, ['api', 'idle', 'latency']],
  ])('filters by %j', async (filter, names) => {
    expect((await list({ filter, sort: 'NAME' })).names).toEqual(names);
  });

  it.each([
    [{ limit: 0 }, 'limit'],
    [{ limit: 1001 }, 'limit'],
    [{ offset: -1 }, 'offset'],
    [{ filter: { label: 'team' } }, 'label[0]'],
  ])('refuses %j as an error with its place', async (variables, path) => {
    const { errors } = await client.ask(LIST, variables);
    expect(errors[0]?.extensions).toMatchObject({ code: 'INVALID', details: [{ path }] });
  });
});
