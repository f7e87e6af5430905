import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { call, listen, openEvents, push, SECRET, sseClient, startReplica } from './live-app.ts';

const database = await createTestDatabase();
const WAIT = { timeout: 60_000 };

test('states come at once and when they change, whatever replica was written to', async () => {
  const [one, other] = await Promise.all([startReplica(database.url), startReplica(database.url)]);
  await call(one, 'POST', '/api/v1/slos', { name: 'api', target: 0.9 });
  const events = await openEvents(one);
  expect(events.headers.get('content-type')).toBe('text/event-stream');
  expect(events.headers.get('x-accel-buffering')).toBe('no');
  await expect.poll(() => events.text).toContain('event: state');
  expect(events.text).toMatch(/^retry: 3000\n\nevent: state\nid: \S+Z\ndata: \{.*\}\n\n$/);
  expect(events.of('state')).toMatchObject([{ slo: 'api', state: 'no_data', previous_state: null }]);

  await push(other, 'default.api', 99);
  await expect.poll(() => events.of('state')).toHaveLength(2);
  // 1 of 100 is bad where 10 are allowed.
  expect(events.of('state')[1]).toMatchObject({
    slo: 'api',
    project: 'default',
    state: 'healthy',
    previous_state: 'no_data',
    objectives: [{ objective: 'default', state: 'healthy', budget: expect.closeTo(0.9) }],
  });
  // The budget changes, the state does not.
  await push(other, 'default.api', 98);
  await push(other, 'default.api', 50);
  await expect.poll(() => events.of('state')).toHaveLength(3);
  expect(events.of('state')[2]).toMatchObject({ state: 'exhausted', previous_state: 'healthy' });

  await call(other, 'DELETE', '/api/v1/slos/default.api');
  await expect.poll(() => events.of('removed')).toMatchObject([{ slo: 'api', project: 'default' }]);
  events.close();
});

test('alerts come at once where they fire, and when they begin and end', async () => {
  const replica = await startReplica(database.url);
  const conditions = [{ type: 'budget', severity: 'ticket', below: 0.25 }];
  await call(replica, 'POST', '/api/v1/slos', {
    name: 'alerting',
    target: 0.9,
    alert_policy: { conditions },
  });
  const events = await openEvents(replica, '?slo_id=default.alerting');
  await expect.poll(() => events.of('state'), WAIT).toHaveLength(1);
  expect(events.of('alert')).toEqual([]);
  const at = new Date(Date.now() - 60_000).toISOString();
  const pushGood = (good: number) =>
    call(replica, 'POST', '/api/v1/slos/default.alerting/measurements', {
      points: [{ at, good, total: 100 }],
    });
  // 8 of 100 are bad where 10 are allowed: a fifth of the budget is left.
  await pushGood(92);
  await expect
    .poll(() => events.of('alert'), WAIT)
    .toMatchObject([
      {
        slo: 'alerting',
        objective: 'default',
        condition: 'budget:0.25:ticket',
        severity: 'ticket',
        state: 'firing',
        firing_since: expect.stringMatching(/:00Z$/),
        told: true,
      },
    ]);
  const later = await openEvents(replica, '?slo_id=default.alerting');
  await expect.poll(() => later.of('alert'), WAIT).toMatchObject([{ state: 'firing' }]);
  // The minute was not as bad as it seemed.
  await pushGood(100);
  await expect.poll(() => events.of('alert').at(-1), WAIT).toMatchObject({ state: 'resolved' });
  await expect.poll(() => later.of('alert').at(-1), WAIT).toMatchObject({ state: 'resolved' });
  expect(events.of('alert')).toHaveLength(2);
}, 180_000);

test('a project or some SLOs can be asked for, and what is not there is a 404', async () => {
  const replica = await startReplica(database.url);
  for (const project of ['east', 'west']) {
    for (const name of ['a', 'b'])
      await call(replica, 'POST', '/api/v1/slos', { project, name, target: 0.9 });
  }
  const east = await openEvents(replica, '?project=east');
  await expect.poll(() => east.of('state').length).toBe(2);
  expect(east.text).not.toContain('west');
  const two = await openEvents(replica, '?slo_id=east.a&slo_id=west.b');
  await expect.poll(() => two.of('state').length).toBe(2);
  // Who comes later to what others watch is told all the same.
  const later = await openEvents(replica, '?slo_id=east.a');
  await expect.poll(() => later.of('state')).toMatchObject([{ project: 'east', slo: 'a' }]);
  for (const events of [east, two, later]) events.close();
  await expect(call(replica, 'GET', '/api/v1/events?slo_id=east.c')).rejects.toThrow('404');
  await expect(call(replica, 'GET', '/api/v1/events?colour=red')).rejects.toThrow('422');
});

test('a project that cannot be and too many SLOs are a 422 that names the parameter, not a stream without events', async () => {
  const replica = await startReplica(database.url);
  const refusal = async (query: string) => {
    const headers = { authorization: `Bearer ${SECRET}` };
    const answer = await fetch(`${replica.url}/api/v1/events${query}`, { headers });
    expect(answer.status).toBe(422);
    return ((await answer.json()) as { details: unknown }).details;
  };
  const label = 'must be lower-case letters, digits and inner hyphens (an RFC 1123 label)';
  for (const project of ['A_B', 'a.b', '-a']) {
    expect(await refusal(`?project=${project}`)).toEqual([{ path: 'project', message: label }]);
  }
  expect(await refusal('?project=')).toEqual([{ path: 'project', message: 'must not be empty' }]);
  expect(await refusal(`?${'slo_id=a&'.repeat(1001)}`)).toEqual([
    { path: 'slo_id', message: 'must have at most 1000 items' },
  ]);
  const client = sseClient(replica, { authorization: `Bearer ${SECRET}` });
  const heard = listen(client, 'subscription { sloStatusChanged(project: "A_B") { name } }');
  await expect.poll(() => JSON.stringify(heard.errors), WAIT).toContain(label);
  expect(heard.data).toEqual([]);
});

test('the stream ends when the service stops, and HEAD opens none', async () => {
  const replica = await startReplica(database.url);
  const head = await call(replica, 'HEAD', '/api/v1/events');
  expect(head).toBeNull();
  const events = await openEvents(replica);
  await replica.stop();
  await expect.poll(() => events.isOver).toBe(true);
});
