import { expect } from 'vitest';
import { createGraphqlClient, type GraphqlClient, NOW } from './graphql-client.ts';

const MINUTE_MS = 60_000;

export const RECORD = /* GraphQL */ `
  mutation Record($sloId: ID!, $points: [NpSloPointInput!]!) {
    recordMeasurements(sloId: $sloId, points: $points) {
      accepted
      errors { path code message }
    }
  }
`;

const DEFINE = /* GraphQL */ `
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
`;

/**
 * Three SLOs: `default.api` with 100 events, 2 of them bad, in each of the last ten minutes; `web.latency`
 * with a value of 150 in each of the last three; `default.idle` without data.
 */
export async function createSample(): Promise<GraphqlClient> {
  const client = await createGraphqlClient();
  await client.ask(DEFINE);
  const api = { sloId: 'default.api', points: points(10, { good: 98, total: 100 }) };
  const latency = { sloId: 'web.latency', points: points(3, { value: 150 }) };
  for (const [variables, accepted] of [[api, 10] as const, [latency, 3] as const]) {
    const { data } = await client.ask(RECORD, variables);
    expect(data.recordMeasurements).toEqual({ accepted, errors: [] });
  }
  return client;
}

/** A point in each of the last `count` complete minutes, oldest first. */
export function points(count: number, fields: Record<string, unknown>): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(Date.parse(NOW) - (count - i) * MINUTE_MS).toISOString(),
    ...fields,
  }));
}
