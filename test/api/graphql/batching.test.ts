import pg from 'pg';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';

const SLOS = 2000;
/** Some for each of finding, status and burn rate; a transaction's BEGIN and COMMIT are among them. */
const A_FEW = 12;

let client: GraphqlClient;
let ids: string[];

beforeAll(async () => {
  client = await createGraphqlClient();
  await client.ask('mutation { createSlo(input: { name: "first", target: 0.99 }) { errors { message } } }');
  // The others as copies, since making each takes a request.
  await client.database.query(
    `insert into np_slos select (json_populate_record(s, json_build_object(
       'id', gen_random_uuid(), 'name', 'copy-' || n))).*
     from np_slos s, generate_series(2, $1) n`,
    [SLOS],
  );
  const rows = await client.database.query<{ id: string }>('select id from np_slos order by name');
  ids = rows.map(({ id }) => id);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts every statement that the process sends to PostgreSQL. */
function countStatements(): () => number {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  return () => query.mock.calls.length;
}

function join(fields: string, list: readonly string[] = ids): string {
  return `query { ${list.map((id, i) => `f${i}: slo(id: "${id}") { ${fields} }`).join(' ')} }`;
}

describe('a document of 2,000 aliases, as Hasura makes of a join', () => {
  it('reads all its SLOs and statuses in a few statements', async () => {
    expect(ids).toHaveLength(SLOS);
    const statements = countStatements();
    const { data, errors } = await client.ask(
      join('id state status { state objectives { budget reliability } }'),
      undefined,
      { limits: 'gateway' },
    );
    expect(errors).toEqual([]);
    expect(Object.keys(data)).toHaveLength(SLOS);
    expect(data.f1999).toMatchObject({ id: ids[1999], status: { state: 'NO_DATA' } });
    expect(statements()).toBeLessThanOrEqual(A_FEW);
  });

  it('reads burn rates and past statuses in a few more for each time', async () => {
    const statements = countStatements();
    const at = '2026-03-01T00:00:00Z';
    const { errors } = await client.ask(
      join(`burnRate { objectives { burnRate } } now: status { state } past: status(at: "${at}") { state }`),
      undefined,
      { limits: 'gateway' },
    );
    expect(errors).toEqual([]);
    expect(statements()).toBeLessThanOrEqual(2 * A_FEW);
  });

  it('asks once for what it names often', async () => {
    const statements = countStatements();
    const list = Array.from({ length: SLOS }, (_, i) => (i % 2 === 0 ? 'default.first' : 'default.missing'));
    const { data, errors } = await client.ask(join('name status { state }', list), undefined, {
      limits: 'gateway',
    });
    expect(errors).toEqual([]);
    expect(data.f0.name).toBe('first');
    expect(data.f1).toBeNull();
    expect(statements()).toBeLessThanOrEqual(A_FEW);
  });

  it('is more than a client may ask', async () => {
    const { data, errors } = await client.ask(join('id'));
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'DOCUMENT_TOO_LARGE' } }]);
  });
});

describe('a list', () => {
  it('reads the statuses of a thousand SLOs in a few statements', async () => {
    const statements = countStatements();
    const { data, errors } = await client.ask(
      '{ slos(limit: 1000) { items { status { state } burnRate { at } } } }',
    );
    expect(errors).toEqual([]);
    expect(data.slos.items).toHaveLength(1000);
    expect(statements()).toBeLessThanOrEqual(2 * A_FEW);
  });
});

describe('reads that cannot be batched', () => {
  it('take a few connections at a time', async () => {
    const { db } = client.environment;
    let open = 0;
    let most = 0;
    const tenant = db.tenant.bind(db);
    vi.spyOn(db, 'tenant').mockImplementation(async (account, work) => {
      open += 1;
      most = Math.max(most, open);
      try {
        return await tenant(account, work);
      } finally {
        open -= 1;
      }
    });
    const { errors } = await client.ask('{ slos(limit: 50) { items { snapshots(limit: 1) { at } } } }');
    expect(errors).toEqual([]);
    expect(most).toBeLessThanOrEqual(4);
  });
});
