import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { actingAs } from '../support/environment.ts';
import type { Hasura } from './simulator/hasura.ts';
import { addSlo, clientOf, type Stack, startStack } from './stack.ts';

// A live query is asked again each second: what a write leaves in the row has to be there a second later, that is
// when the write is answered, or with the next tick.

let stack: Stack;
let hasura: Hasura;
let slos = 0;
let name: string;
beforeAll(async () => {
  stack = await startStack();
  hasura = await stack.hasura();
});
beforeEach(async () => {
  slos += 1;
  name = `slo-${slos}`;
  // Of 200 events 10 were bad, where 20 are allowed: half of the budget.
  await addSlo(stack, 'acme', name, 95);
});

const LIVE = `subscription ($name: String!) {
  np_slos(where: { name: { _eq: $name } }) { state reliability budget burn_rate evaluated_at last_data_at }
}`;
const context = () => actingAs(stack.environment, 'acme');
const at = (minutesAgo: number): string =>
  new Date(stack.environment.clock.now() - minutesAgo * MINUTE_MS).toISOString();

/** What the live query's next look brings. */
async function look(account = 'acme') {
  const { data, errors } = await clientOf(hasura, account, 'user').ask(LIVE, { name });
  expect(errors).toBeUndefined();
  return data.np_slos[0] ?? null;
}

const record = (points: readonly object[]) =>
  recordMeasurements({ ctx: context(), input: { id: `default.${name}`, body: { points } } });

describe('a live query on np_slos', () => {
  it('shows the status that the service answers', async () => {
    const row = await look();
    expect(row).toMatchObject({ state: 'healthy', reliability: 0.95, budget: expect.closeTo(0.5, 9) });
    const { data } = await clientOf(hasura, 'acme', 'user').ask(
      'query ($id: ID!) { slo(id: $id) { state status { objectives { reliability budget burnRate } } } }',
      { id: `default.${name}` },
    );
    const { reliability, budget, burn_rate: burnRate } = row;
    expect(data.slo).toEqual({
      state: 'HEALTHY',
      status: { objectives: [{ reliability, budget, burnRate }] },
    });
  });

  it('shows a push, late points and a stream as soon as they are stored', async () => {
    await record([{ at: at(1), good: 0, total: 100 }]);
    // 95 of 200: the second minute replaced what was there.
    expect(await look()).toMatchObject({ state: 'exhausted', reliability: 0.475 });
    await record([{ at: at(60), good: 200, total: 200 }]);
    expect(await look()).toMatchObject({ reliability: 295 / 400 });
    const line = JSON.stringify({ slo: `default.${name}`, at: at(1), good: 100, total: 100 });
    await recordStream({ ctx: context(), input: { body: new Blob([line]).stream() } });
    expect(await look()).toMatchObject({ state: 'healthy', reliability: 395 / 400 });
  });

  it('shows a changed target', async () => {
    await updateSlo({ ctx: context(), input: { id: `default.${name}`, patch: { target: 0.99 } } });
    // 5 % bad where 1 % is allowed.
    expect(await look()).toMatchObject({ state: 'exhausted', budget: expect.closeTo(-4, 9) });
  });

  it('shows with each tick what time alone has changed', async () => {
    const patch = { time_window: { type: 'rolling', duration: '5m' } };
    await updateSlo({ ctx: context(), input: { id: `default.${name}`, patch } });
    const before = await look();
    expect(before.reliability).toBe(0.95);
    stack.environment.clock.advance(10 * MINUTE_MS);
    await evaluate(stack.environment);
    const after = await look();
    expect(after).toMatchObject({ state: 'no_data', reliability: null, budget: null });
    expect(Date.parse(after.evaluated_at) - Date.parse(before.evaluated_at)).toBe(10 * MINUTE_MS);
  });

  it('shows the end of a deleted SLO, and nothing to another account at any time', async () => {
    expect(await look('umbra')).toBeNull();
    await deleteSlo({ ctx: context(), input: { id: `default.${name}` } });
    expect(await look()).toBeNull();
  });

  it('cannot ask the service, as Hasura has it', async () => {
    const client = clientOf(hasura, 'acme', 'user');
    for (const document of [
      'subscription { np_slos { live_status { state } } }',
      'subscription { slos { total } }',
      'subscription { np_slos { id } np_slo_reports { slo_id } }',
    ]) {
      expect((await client.ask(document)).errors).toHaveLength(1);
    }
  });
});
