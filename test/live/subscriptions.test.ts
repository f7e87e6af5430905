import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { call, listen, push, type Replica, SECRET, sseClient, startReplica, wsClient } from './live-app.ts';

const database = await createTestDatabase();

const WATCH = `subscription Watch($ids: [ID!], $project: String) {
  sloStatusChanged(ids: $ids, project: $project) {
    name
    state
    displayName
    status { objectives { countGood budget } }
    burnRate { objectives { burnRate } }
  }
}`;
const bearer = (account = 'primary') => ({
  authorization: `Bearer ${SECRET}`,
  'x-source-account-id': account,
});
let count = 0;
const unique = (): string => {
  count += 1;
  return `slo-${count}`;
};
const define = (replica: Replica, name: string, account?: string) =>
  call(replica, 'POST', '/api/v1/slos', { name, target: 0.9 }, account);

describe.each([
  ['server-sent events', (replica: Replica, account?: string) => sseClient(replica, bearer(account))],
  ['a WebSocket', (replica: Replica, account?: string) => wsClient(replica, bearer(account))],
])('over %s', (_name, connect) => {
  it('tells how an SLO stands at once, and what changes through another replica', async () => {
    const [one, other] = await Promise.all([startReplica(database.url), startReplica(database.url)]);
    const name = unique();
    await define(one, name);
    const heard = listen(connect(one), WATCH, { ids: [`default.${name}`] });
    await expect.poll(() => heard.data).toHaveLength(1);
    expect(heard.data[0].sloStatusChanged).toMatchObject({ name, state: 'NO_DATA' });

    // 1 of 100 is bad where 10 are allowed.
    await push(other, `default.${name}`, 99);
    await expect.poll(() => heard.data).toHaveLength(2);
    expect(heard.data[1].sloStatusChanged).toMatchObject({
      state: 'HEALTHY',
      status: { objectives: [{ countGood: 99, budget: expect.closeTo(0.9) }] },
      burnRate: { objectives: [{ burnRate: expect.closeTo(0.1) }] },
    });

    // The same once more changes nothing.
    await push(other, `default.${name}`, 99);
    await call(other, 'PATCH', `/api/v1/slos/default.${name}`, { display_name: 'Renamed' });
    await expect.poll(() => heard.data).toHaveLength(3);
    expect(heard.data[2].sloStatusChanged).toMatchObject({ displayName: 'Renamed', state: 'HEALTHY' });

    await call(other, 'DELETE', `/api/v1/slos/default.${name}`);
    await expect.poll(() => heard.isComplete).toBe(true);
    expect(heard.data).toHaveLength(3);
    expect(heard.errors).toEqual([]);
  });
});
