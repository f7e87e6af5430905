import { beforeAll, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';
import { CREATE } from './slo-documents.ts';

const FIELDS =
  'adjustment { id duration rrule timeZone reason } slo { adjustments { id } } errors { path code }';
const ADD = `mutation ($sloId: ID!, $input: NpSloBudgetAdjustmentInput!) {
  addBudgetAdjustment(sloId: $sloId, input: $input) { ${FIELDS} }
}`;
const REMOVE = `mutation ($sloId: ID!, $id: ID!) { removeBudgetAdjustment(sloId: $sloId, id: $id) { ${FIELDS} } }`;

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
  await client.ask(CREATE, { input: { name: 'api', target: 0.9 } });
});

it('adds a budget adjustment to an SLO and removes it again', async () => {
  const input = { startsAt: '2026-03-10T06:00:00Z', duration: '30m', rrule: 'FREQ=DAILY', reason: 'move' };
  const added = (await client.ask(ADD, { sloId: 'default.api', input })).data.addBudgetAdjustment;
  expect(added).toMatchObject({
    adjustment: { duration: '30m', rrule: 'FREQ=DAILY', timeZone: 'UTC', reason: 'move' },
    errors: [],
  });
  const { id } = added.adjustment;
  expect(added.slo.adjustments).toEqual([{ id }]);
  const { data } = await client.ask(REMOVE, { sloId: 'default.api', id });
  expect(data.removeBudgetAdjustment).toMatchObject({ adjustment: { id }, slo: { adjustments: [] } });
  const again = await client.ask(REMOVE, { sloId: 'default.api', id });
  expect(again.data.removeBudgetAdjustment.errors).toEqual([{ path: '', code: 'NOT_FOUND' }]);
});

it('says where an adjustment is wrong, in the spelling of the client', async () => {
  const input = { startsAt: '2026-03-10T06:00:30Z', duration: '30s' };
  const { data } = await client.ask(ADD, { sloId: 'default.api', input });
  expect(data.addBudgetAdjustment).toEqual({
    adjustment: null,
    slo: null,
    errors: [
      { path: 'startsAt', code: 'INVALID' },
      { path: 'duration', code: 'INVALID' },
    ],
  });
});
