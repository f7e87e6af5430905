import { parse } from 'graphql';
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Hasura } from './simulator/hasura.ts';
import { addSlo, clientOf, type Stack, startStack } from './stack.ts';

let stack: Stack;
let hasura: Hasura;
beforeAll(async () => {
  stack = await startStack();
  hasura = await stack.hasura();
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Which program a connection of this process is for. */
function applicationOf(client: unknown): unknown {
  const shape = z.object({ connectionParameters: z.object({ application_name: z.string() }) });
  return shape.safeParse(client).data?.connectionParameters.application_name;
}

describe('2,000 rows joined with the service', () => {
  const SLOS = 2000;
  /** A few for each of finding, status and burn rates; a transaction's BEGIN and COMMIT are among them. */
  const A_FEW = 24;

  beforeAll(async () => {
    await addSlo(stack, 'crowd', 'first', 99);
    await stack.database.query(
      `insert into np_slos select (json_populate_record(s, json_build_object(
         'id', gen_random_uuid(), 'name', 'copy-' || n))).*
       from np_slos s, generate_series(2, $1) n where s.source_account_id = 'crowd'`,
      [SLOS],
    );
  });

  it('are one document of f0 to f1999, answered in a few statements', async () => {
    const query = vi.spyOn(pg.Client.prototype, 'query');
    const before = hasura.sent.length;
    const { data, errors } = await clientOf(hasura, 'crowd', 'user').ask(
      `{ np_slos(order_by: { name: asc }) { name
           live_status { name status { objectives { reliability } } burnRate { objectives { burnRate } } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.np_slos).toHaveLength(SLOS);
    for (const row of data.np_slos) expect(row.live_status.name).toBe(row.name);
    expect(data.np_slos.at(-1)).toMatchObject({
      live_status: { status: { objectives: [{ reliability: 0.99 }] } },
    });
    const [sent, ...more] = hasura.sent.slice(before);
    expect(more).toEqual([]);
    const [operation] = parse(sent?.body.query ?? '').definitions;
    const names = operation?.kind === 'OperationDefinition' ? operation.selectionSet.selections : [];
    expect(names).toHaveLength(SLOS);
    expect(names.at(-1)).toMatchObject({ alias: { value: 'f1999' } });
    const ofService = query.mock.contexts.filter((client) => applicationOf(client) === 'nself-slo-tracker');
    expect(ofService.length).toBeGreaterThan(3);
    expect(ofService.length).toBeLessThanOrEqual(A_FEW);
  });
});
