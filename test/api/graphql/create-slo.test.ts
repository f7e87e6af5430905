import { beforeAll, describe, expect, it } from 'vitest';
import { answerOf, createGraphqlClient, type GraphqlClient } from './graphql-client.ts';
import { CREATE, DELETE, READ, UPDATE } from './slo-documents.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

async function create(input: Record<string, unknown>, account?: string) {
  const { data } = await client.ask(CREATE, { input }, { ...(account && { account }) });
  return data.createSlo;
}

describe('createSlo', () => {
  it('needs a name and a target only', async () => {
    const { slo, errors } = await create({ name: 'smallest', target: 0.999 });
    expect(errors).toEqual([]);
    expect(slo).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      sourceAccountId: 'primary',
      project: 'default',
      name: 'smallest',
      displayName: '',
      description: '',
      service: 'smallest',
      labels: {},
      budgetingMethod: 'OCCURRENCES',
      timeSliceWindow: null,
      timeWindow: { type: 'rolling', duration: '28d' },
      sli: { type: 'ratio', incremental: false, alignment: 'drop', source: { type: 'push' } },
      alertPolicy: { conditions: 'default' },
      state: 'NO_DATA',
      warnings: [],
      createdAt: '2026-03-10T12:00:00Z',
      updatedAt: '2026-03-10T12:00:00Z',
      objectives: [
        {
          name: 'default',
          displayName: '',
          target: 0.999,
          primary: true,
          timeSliceTarget: null,
          op: null,
          value: null,
        },
      ],
    });
  });

  it('takes every field, enums in upper case and JSON as in the REST API', async () => {
    const { slo, errors } = await create({
      name: 'latency',
      displayName: 'Latency',
      description: 'How long a page takes',
      project: 'web',
      service: 'shop',
      labels: { team: 'payments' },
      budgetingMethod: 'TIMESLICES',
      timeSliceWindow: '5m',
      timeWindow: { type: 'calendar', unit: 'month', time_zone: 'Europe/Berlin' },
      sli: { type: 'threshold', source: { type: 'push' } },
      objectives: [
        { name: 'fast', displayName: 'Fast', target: 0.9, timeSliceTarget: 0.95, op: 'LT', value: 200 },
        { name: 'fair', targetPercent: 99, primary: true, timeSliceTarget: 0.99, op: 'LTE', value: 1000 },
      ],
      alertPolicy: { conditions: 'default' },
    });
    expect(errors).toEqual([]);
    expect(slo).toMatchObject({
      project: 'web',
      labels: { team: 'payments' },
      budgetingMethod: 'TIMESLICES',
      timeSliceWindow: '5m',
      timeWindow: { type: 'calendar', unit: 'month', count: 1, time_zone: 'Europe/Berlin' },
      objectives: [
        { name: 'fast', target: 0.9, primary: false, timeSliceTarget: 0.95, op: 'LT', value: 200 },
        { name: 'fair', target: 0.99, primary: true, timeSliceTarget: 0.99, op: 'LTE', value: 1000 },
      ],
    });
    // A full outage burns a budget of 10 % at 10, less than the 14.4 and more that pages.
    expect(slo.warnings[0]).toContain('can never fire');
  });

  it('takes null for left out', async () => {
    const { slo, errors } = await create({
      name: 'nulls',
      target: 0.99,
      displayName: null,
      description: null,
      project: null,
      service: null,
      labels: null,
      budgetingMethod: null,
      timeSliceWindow: null,
      timeWindow: null,
      sli: null,
      objectives: null,
      targetPercent: null,
      alertPolicy: null,
    });
    expect(errors).toEqual([]);
    expect(slo).toMatchObject({ project: 'default', service: 'nulls', labels: {} });
  });

  it('takes null for left out in an objective too', async () => {
    const objective = { name: 'a', target: 0.99, displayName: null, primary: null, targetPercent: null };
    const { slo, errors } = await create({
      name: 'objective-nulls',
      objectives: [{ ...objective, timeSliceTarget: null, op: null, value: null }],
    });
    expect(errors).toEqual([]);
    expect(slo.objectives).toMatchObject([{ name: 'a', displayName: '', primary: true }]);
  });

  it('says what is wrong as data, in the words of the client', async () => {
    const { slo, errors } = await create({
      name: 'faulty',
      budgetingMethod: 'TIMESLICES',
      timeSliceWindow: '7m',
      timeWindow: { type: 'calendar', unit: 'month', time_zone: 'Mars/Olympus' },
      labels: { 'Bad Label': 'x' },
      objectives: [{ name: 'a', target: 1.5, timeSliceTarget: 2 }],
    });
    expect(slo).toBeNull();
    const paths = errors.map(({ path }: { path: string }) => path);
    expect(paths).toContain('timeSliceWindow');
    expect(paths).toContain('timeWindow.time_zone');
    expect(paths).toContain('objectives[0].target');
    expect(paths).toContain('objectives[0].timeSliceTarget');
    for (const error of errors) expect(error).toMatchObject({ code: 'INVALID', message: expect.any(String) });
  });

  it('reports a name that is taken as a conflict', async () => {
    await create({ name: 'twice', target: 0.9 });
    const { slo, errors } = await create({ name: 'twice', target: 0.9 });
    expect(slo).toBeNull();
    expect(errors).toMatchObject([{ code: 'CONFLICT' }]);
  });

  it('lets two accounts use one name', async () => {
    await create({ name: 'shared', target: 0.9 }, 'one');
    const { errors } = await create({ name: 'shared', target: 0.9 }, 'two');
    expect(errors).toEqual([]);
  });

  it.each([
    ['a label value of a megabyte', { labels: { team: 'x'.repeat(1_000_000) } }],
    ['a name of a megabyte', { name: 'x'.repeat(1_000_000) }],
    ['an unknown key in JSON', { sli: { type: 'ratio', query: 'up' } }],
  ])('refuses %s', async (_name, fields) => {
    const answer = await client.ask(CREATE, { input: { name: 'hostile', target: 0.9, ...fields } });
    expect(answer.data.createSlo).toMatchObject({ slo: null, errors: [{ code: 'INVALID' }] });
    expect(JSON.stringify(answer).length).toBeLessThan(2_000);
  });

  it('refuses JSON nested 10,000 deep', async () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    const body = `{"query":${JSON.stringify(CREATE)},"variables":{"input":{"name":"deep","target":0.9,"sli":${deep}}}}`;
    const headers = { 'content-type': 'application/json' };
    const request = new Request('http://localhost/graphql', { method: 'POST', headers, body });
    const { data } = await answerOf(await client.graphql.fetch(request));
    expect(data.createSlo).toMatchObject({ slo: null, errors: [{ path: 'sli', code: 'INVALID' }] });
  });
});

describe('a role that only reads', () => {
  it.each([
    ['createSlo', CREATE, { input: { name: 'forbidden', target: 0.9 } }],
    ['updateSlo', UPDATE, { id: 'default.smallest', patch: {} }],
    ['deleteSlo', DELETE, { id: 'default.smallest' }],
  ])('is told so by %s, as data', async (field, document, variables) => {
    const { data, errors } = await client.ask(document, variables, { role: 'viewer' });
    expect(errors).toEqual([]);
    expect(data[field].errors).toMatchObject([{ path: '', code: 'FORBIDDEN' }]);
  });

  it('reads', async () => {
    const { data } = await client.ask(READ, { id: 'default.smallest' }, { role: 'viewer' });
    expect(data.slo.name).toBe('smallest');
  });
});
