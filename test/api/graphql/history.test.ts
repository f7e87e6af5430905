import { beforeAll, describe, expect, it } from 'vitest';
import { type GraphqlClient, NOW } from './graphql-client.ts';
import { createSample } from './sample.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createSample();
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

  const GROUPS = /* GraphQL */ `
    query Groups($groupBy: NpSloReportGrouping!, $label: String, $sloId: ID) {
      sloReportGroups(groupBy: $groupBy, label: $label, sloId: $sloId) {
        group start unit objectives objectivesMissed good total bad reliability worst { slo good total }
      }
    }
  `;

  it('are summed up by group, the worst beside', async () => {
    const { data, errors } = await client.ask(GROUPS, { groupBy: 'SERVICE', sloId: 'default.api' });
    expect(errors).toEqual([]);
    expect(data.sloReportGroups.at(-1)).toEqual({
      group: 'api',
      start: '2026-03-01T00:00:00Z',
      unit: 'EVENTS',
      objectives: 1,
      objectivesMissed: 1,
      good: 980,
      total: 1000,
      bad: 20,
      reliability: 0.98,
      worst: { slo: 'api', good: 980, total: 1000 },
    });
  });

  it('cannot be grouped by a label without its name', async () => {
    const { errors } = await client.ask(GROUPS, { groupBy: 'LABEL' });
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID' } }]);
  });

  it.each(['NOT A NAME', '', 'a.b'])('refuse a project that cannot be: %j', async (project) => {
    const { errors } = await client.ask(REPORTS, { project });
    expect(errors[0]?.extensions).toMatchObject({ code: 'INVALID', details: [{ path: 'project' }] });
  });

  it('are empty for what is missing or foreign', async () => {
    expect(await client.ask(REPORTS, { project: 'none' })).toMatchObject({
      data: { sloReports: [] },
      errors: [],
    });
    expect(await client.ask(REPORTS, { sloId: 'default.none' })).toMatchObject({
      data: { sloReports: [] },
      errors: [],
    });
    const foreign = await client.ask(REPORTS, { sloId: 'default.api' }, { account: 'other' });
    expect(foreign).toMatchObject({ data: { sloReports: [] }, errors: [] });
  });
});
