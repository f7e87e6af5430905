import { expect, it } from 'vitest';
import { type Courtesy, createCourtesy } from '../../src/lib/courtesy.ts';
import { createTestDatabase } from '../support/database.ts';
import {
  afterwards,
  call,
  listen,
  openEvents,
  type Replica,
  SECRET,
  sseClient,
  startReplica,
  wsClient,
} from './live-app.ts';

const database = await createTestDatabase();
const BEARER = { authorization: `Bearer ${SECRET}` };
const WATCH = 'subscription { sloStatusChanged(ids: ["default.api"]) { name } }';

/** A courtesy that says how many requests it was told of, and how many of them are under way. */
function counting(): { courtesy: Courtesy; seen: { told: number; underWay: number } } {
  const seen = { told: 0, underWay: 0 };
  const { answering, turn } = createCourtesy();
  const courtesy: Courtesy = {
    turn,
    async answering(answer) {
      seen.told += 1;
      seen.underWay += 1;
      try {
        return await answering(answer);
      } finally {
        seen.underWay -= 1;
      }
    },
  };
  return { courtesy, seen };
}

async function query(replica: Replica): Promise<void> {
  const results = wsClient(replica, BEARER).iterate({ query: '{ slos { total } }' });
  expect(await results.next()).toMatchObject({ value: { data: { slos: { total: 1 } } } });
}

it('background work hears of requests over every interface, and of streams only until they have begun', async () => {
  const { courtesy, seen } = counting();
  const replica = await startReplica(database.url, {}, courtesy);
  const expectTold = async (told: number): Promise<void> => {
    await expect.poll(() => ({ ...seen }), { timeout: 60_000 }).toEqual({ told, underWay: 0 });
  };
  await call(replica, 'POST', '/api/v1/slos', { name: 'api', target: 0.9 });
  await expectTold(1);
  await call(replica, 'POST', '/graphql', { query: '{ slos { total } }' });
  await expectTold(2);
  await call(replica, 'GET', '/api/prometheus/v1/api/v1/query?query=up');
  await expectTold(3);
  await query(replica);
  await expectTold(4);

  const events = await openEvents(replica);
  const heard = listen(sseClient(replica, BEARER), WATCH);
  const overSocket = listen(wsClient(replica, BEARER), WATCH);
  afterwards(() => {
    heard.unsubscribe();
    overSocket.unsubscribe();
  });
  await expect.poll(() => heard.data.length + overSocket.data.length, { timeout: 60_000 }).toBe(2);
  // Of the subscription over a WebSocket, which is no request, nobody is told.
  await expectTold(6);
  expect(events.isOver).toBe(false);
});
