import { beforeAll, describe, expect, it } from 'vitest';
import { type GraphqlClient, NOW } from './graphql-client.ts';
import { createSample } from './sample.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createSample();
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
