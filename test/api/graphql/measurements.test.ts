import { beforeAll, describe, expect, it } from 'vitest';
import type { GraphqlClient } from './graphql-client.ts';
import { createSample, points, RECORD } from './sample.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createSample();
});

async function record(sloId: string, list: readonly unknown[], role = 'admin') {
  const { data, errors } = await client.ask(RECORD, { sloId, points: list }, { role });
  expect(errors).toEqual([]);
  return data.recordMeasurements;
}

describe('recordMeasurements', () => {
  it('stores points and says how many', async () => {
    const answer = await record('web.latency', points(3, { value: 150 }));
    expect(answer).toEqual({ accepted: 3, errors: [] });
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
