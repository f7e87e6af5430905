import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../src/storage/migrate.ts';
import { databaseUrl } from '../support/database-url.ts';
import type { Hasura } from './simulator/hasura.ts';
import { addSlo, adminOf, clientOf, type Stack, startStack } from './stack.ts';

let stack: Stack;
let hasura: Hasura;
/** Of acme and of umbra. */
let ours: string;
let theirs: string;

beforeAll(async () => {
  stack = await startStack();
  ours = await addSlo(stack, 'acme', 'checkout', 95);
  theirs = await addSlo(stack, 'umbra', 'secret-plan', 80);
  for (const [account, id] of [
    ['acme', ours],
    ['umbra', theirs],
  ]) {
    await stack.database.query(
      `insert into np_slo_reports (source_account_id, slo_id, objective, period, starts_at, ends_at, target,
         reliability, minutes_observed, minutes_bad, longest_bad_minutes, created_at)
       values ($1, $2, 'default', 'day', '2026-03-09', '2026-03-10', 0.9, 0.95, 1440, 0, 0, '2026-03-10')`,
      [account, id],
    );
  }
  hasura = await stack.hasura();
});

const READERS = ['user', 'nself_user', 'viewer'];

/** Everything that a reader can ask of the three tables at once. */
const EVERYTHING = `query {
  np_slos { id source_account_id name state snapshots { slo_id at } reports { slo_id } }
  np_slo_snapshots { source_account_id slo_id slo { name } reports { slo_id } }
  np_slo_reports { source_account_id slo_id slo { name } snapshots { slo_id } }
}`;

describe.each(READERS)('the role %s', (role) => {
  it('sees the rows of its account in all three tables, and through every relationship', async () => {
    const { data, errors } = await clientOf(hasura, 'acme', role).ask(EVERYTHING);
    expect(errors).toBeUndefined();
    const [slo, ...others] = data.np_slos;
    expect(others).toEqual([]);
    expect(slo).toMatchObject({ id: ours, source_account_id: 'acme', name: 'checkout', state: 'healthy' });
    // Two measured minutes.
    expect(slo.snapshots).toHaveLength(2);
    expect(slo.reports).toEqual([{ slo_id: ours }]);
    expect(data.np_slo_snapshots).toEqual(
      [1, 2].map(() => ({
        source_account_id: 'acme',
        slo_id: ours,
        slo: { name: 'checkout' },
        reports: [{ slo_id: ours }],
      })),
    );
    expect(data.np_slo_reports).toMatchObject([{ slo_id: ours, slo: { name: 'checkout' } }]);
    expect(data.np_slo_reports[0].snapshots).toHaveLength(2);
    expect(JSON.stringify(data)).not.toContain(theirs);
    expect(JSON.stringify(data)).not.toContain('umbra');
  });

  it('finds nothing of another account by its key or by a condition', async () => {
    const { data } = await clientOf(hasura, 'acme', role).ask(
      `query ($id: uuid!) {
        np_slos_by_pk(source_account_id: "umbra", id: $id) { name }
        np_slos(where: { _or: [{ source_account_id: { _eq: "umbra" } }, { id: { _eq: $id } }] }) { name }
        not: np_slos(where: { _not: { source_account_id: { _eq: "acme" } } }) { name }
        np_slos_aggregate { aggregate { count } }
      }`,
      { id: theirs },
    );
    expect(data).toEqual({
      np_slos_by_pk: null,
      np_slos: [],
      not: [],
      np_slos_aggregate: { aggregate: { count: 1 } },
    });
  });

  it('has no columns of the bookkeeping, and no sums over minutes', async () => {
    const client = clientOf(hasura, 'acme', role);
    for (const document of [
      '{ np_slos { revisions } }',
      '{ np_slo_snapshots { run_good } }',
      '{ np_slo_snapshots { base_total } }',
      '{ np_slos(where: { snapshots_until: { _is_null: false } }) { id } }',
      '{ np_slos(order_by: { history_version: asc }) { id } }',
      '{ np_slo_snapshots_aggregate { aggregate { count } } }',
      'mutation { np_slos { id } }',
    ]) {
      expect((await client.ask(document)).errors?.[0]?.message, document).toMatch(/not found in type/);
    }
  });
});

describe('the admin', () => {
  it('sees every account: the role has no permission, and so no filter', async () => {
    const { data } = await adminOf(hasura, null).ask('{ np_slos { source_account_id } }');
    const accounts = data.np_slos.map((row: { source_account_id: string }) => row.source_account_id);
    expect(accounts.sort()).toEqual(['acme', 'umbra']);
  });
});

describe('nobody', () => {
  it.each(['public', 'anonymous'])('reads the tables as %s', async (role) => {
    const { data, errors } = await clientOf(hasura, 'acme', role).ask('{ np_slos { id } }');
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('not found in type');
  });
});

describe('rows and service', () => {
  it('lead from rows to the service', async () => {
    const { data, errors } = await clientOf(hasura, 'acme', 'user').ask(
      `query ($at: DateTime) { np_slos { name live_status { status(at: $at) { objectives { reliability } } }
         live_burn_rate { objectives { burnRate } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.np_slos).toEqual([
      {
        name: 'checkout',
        live_status: { status: { objectives: [{ reliability: 0.95 }] } },
        // 5 of 100 bad where 10 are allowed.
        live_burn_rate: { objectives: [{ burnRate: expect.closeTo(0.5, 9) }] },
      },
    ]);
  });

  it('lead from the service to rows, also inside lists and from reports', async () => {
    const { data, errors } = await clientOf(hasura, 'acme', 'viewer').ask(
      `{ slo(id: "default.checkout") { name sloRow { evaluated_at state } snapshotRows(order_by: { at: desc }, limit: 1) { at used_good } }
         slos { total items { name reportRows { starts_at } } }
         sloReports(period: DAY, sloId: "default.checkout") { open sloRow { name } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.slo).toEqual({
      name: 'checkout',
      sloRow: { evaluated_at: '2026-03-10T12:00:00+00:00', state: 'healthy' },
      snapshotRows: [{ at: '2026-03-10T12:00:00+00:00', used_good: 95 }],
    });
    expect(data.slos).toEqual({
      total: 1,
      items: [{ name: 'checkout', reportRows: [{ starts_at: '2026-03-09T00:00:00+00:00' }] }],
    });
    for (const report of data.sloReports) expect(report.sloRow).toEqual({ name: 'checkout' });
  });

  it('is not looked for where there is nothing', async () => {
    const before = hasura.sent.length;
    const { data } = await clientOf(hasura, 'empty', 'user').ask('{ np_slos { live_status { name } } }');
    expect(data).toEqual({ np_slos: [] });
    expect(hasura.sent).toHaveLength(before);
    const none = await clientOf(hasura, 'acme', 'user').ask('{ slo(id: "default.none") { sloRow { id } } }');
    expect(none).toEqual({ data: { slo: null } });
  });

  it('answers null for a row whose SLO is another account, as the admin of one account sees it', async () => {
    const { data, errors } = await adminOf(hasura, 'acme').ask(
      '{ np_slos(order_by: { name: asc }) { source_account_id live_status { name } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.np_slos).toEqual([
      { source_account_id: 'acme', live_status: { name: 'checkout' } },
      { source_account_id: 'umbra', live_status: null },
    ]);
  });
});

describe("Hasura's own connection", () => {
  const PASSWORD = 'for-tests-only';
  const third = `hasura_${randomBytes(4).toString('hex')}`;
  const owner = `owner_${randomBytes(4).toString('hex')}`;
  let admin: pg.Client;
  const urlAs = (role: string): string => {
    const url = new URL(databaseUrl(inject('serverUrl'), new URL(stack.database.url).pathname.slice(1)));
    url.username = role;
    url.password = PASSWORD;
    return url.href;
  };

  beforeAll(async () => {
    admin = new pg.Client({ connectionString: inject('serverUrl') });
    await admin.connect();
    for (const role of [third, owner]) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    for (const table of ['np_slos', 'np_slo_snapshots', 'np_slo_reports']) {
      await stack.database.query(`ALTER TABLE ${table} OWNER TO ${owner}`);
    }
    await migrate(stack.database.url, { hasuraDbRole: third });
  });
  afterAll(async () => {
    await stack.database.query(
      `REASSIGN OWNED BY ${owner} TO CURRENT_USER; DROP OWNED BY ${owner}, ${third}`,
    );
    for (const role of [third, owner]) await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });

  it.each([
    ['superuser', () => stack.database.url],
    ['owner of the tables', () => urlAs(owner)],
    ['the role of HASURA_DB_ROLE', () => urlAs(third)],
  ])('as %s sees exactly what its permissions give', async (_name, url) => {
    const connected = await stack.hasura({ databaseUrl: url() });
    for (const account of ['acme', 'umbra', 'nobody']) {
      for (const role of READERS) {
        const expected = await clientOf(hasura, account, role).ask(EVERYTHING);
        expect(expected.errors).toBeUndefined();
        expect(expected.data.np_slos).toHaveLength(account === 'nobody' ? 0 : 1);
        expect(await clientOf(connected, account, role).ask(EVERYTHING)).toEqual(expected);
      }
    }
    const all = await adminOf(connected, null).ask('{ np_slos_aggregate { aggregate { count } } }');
    expect(all.data.np_slos_aggregate.aggregate.count).toBe(2);
    // Closed before the roles go.
    await connected.close();
  });
});
