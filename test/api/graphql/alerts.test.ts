import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { evaluate } from '../../../src/services/evaluate.ts';
import { createGraphqlClient, NOW } from './graphql-client.ts';

const client = await createGraphqlClient();

const CREATE = /* GraphQL */ `
  mutation Create($input: NpSloInput!) {
    createSlo(input: $input) { slo { warnings alerts { condition } } errors { path message } }
  }
`;
const PUSH = /* GraphQL */ `
  mutation Push($points: [NpSloPointInput!]!) {
    recordMeasurements(sloId: "default.api", points: $points) { accepted errors { path message } }
  }
`;
const READ = /* GraphQL */ `
  {
    slo(id: "default.api") {
      alerts { objective condition severity firingSince told }
      burnRate { objectives { alerts { severity holds firingSince } } }
    }
  }
`;
/** Minutes after noon. */
const time = (minute: number): string =>
  new Date(Date.parse(NOW) + minute * MINUTE_MS).toISOString().replace('.000', '');

it('alerts of an own policy, silenced up to a time, and the warning for one that never fires', async () => {
  const burn = { type: 'burn_rate', severity: 'page', long_window: '10m', short_window: '5m' };
  const { data, errors } = await client.ask(CREATE, {
    input: {
      name: 'api',
      objectives: [{ name: 'default', target: 0.9 }],
      alertPolicy: {
        conditions: [
          { ...burn, factor: 5 },
          { ...burn, severity: 'ticket', factor: 11 },
        ],
        silences: [{ ends_at: time(3), reason: 'migration' }],
      },
    },
  });
  expect(errors).toEqual([]);
  expect(data.createSlo.errors).toEqual([]);
  expect(data.createSlo.slo.alerts).toEqual([]);
  // A full outage burns at 1 / 0.1 = 10.
  expect(data.createSlo.slo.warnings).toEqual([expect.stringMatching(/ticket alert .* can never fire/)]);

  const points = Array.from({ length: 10 }, (_, i) => ({
    at: time(i - 10),
    good: i < 5 ? 10 : 0,
    total: 10,
  }));
  expect((await client.ask(PUSH, { points })).data.recordMeasurements).toEqual({ accepted: 10, errors: [] });
  // 5 bad minutes of 10 at noon: a burn of 5 over 10 minutes, and of 10 over 5.
  const page = {
    objective: 'default',
    condition: 'burn_rate:10m:5m:page',
    severity: 'PAGE',
    firingSince: time(0),
  };
  const holding = [
    { severity: 'PAGE', holds: true, firingSince: time(0) },
    { severity: 'TICKET', holds: false, firingSince: null },
  ];
  const silenced = (await client.ask(READ)).data.slo;
  expect(silenced.alerts).toEqual([{ ...page, told: false }]);
  expect(silenced.burnRate.objectives[0].alerts).toEqual(holding);

  client.clock.advance(3 * MINUTE_MS);
  await evaluate(client.environment);
  expect((await client.ask(READ)).data.slo.alerts).toEqual([{ ...page, told: true }]);
  // The last 5 minutes hold a bad one up to 12:04, and the alert ends 5 minutes later.
  client.clock.advance(6 * MINUTE_MS);
  await evaluate(client.environment);
  const over = (await client.ask(READ)).data.slo;
  expect(over.alerts).toEqual([]);
  expect(over.burnRate.objectives[0].alerts[0]).toEqual({
    severity: 'PAGE',
    holds: false,
    firingSince: null,
  });
});
