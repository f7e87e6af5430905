import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { Slo } from '../../src/slo/definition.ts';
import type { Tx } from '../../src/storage/client.ts';
import { TENANT_ROLE } from '../../src/storage/schema.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { type Mangle, mangled, withoutAccount, withoutWhere } from './mistakes.ts';
import {
  BACKFILL,
  NO_STORAGE_CALLS,
  PULLED_UNTIL_MS,
  REPORT_DUE_MS,
  STORAGE_CALLS,
  type StorageCall,
  type Target,
} from './storage-calls.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const AT = NOW - 10_000;
const STORAGE = join(import.meta.dirname, '../../src/storage');

/** Both accounts have an SLO of the same project and labels, so that only the account tells them apart. */
const slos = new Map<string, Slo>();
beforeAll(async () => {
  const env = createTestEnvironment(database, NOW);
  for (const [accountId, good] of [
    ['mine', 1],
    ['theirs', 7],
  ] as const) {
    const ctx = actingAs(env, accountId);
    const input = { name: `api-of-${accountId}`, target: 0.9, labels: { team: 'payments' } };
    const { id } = await createSlo({ ctx, input });
    const points = Array.from({ length: 90 }, (_, i) => ({
      at: new Date(AT - (i + 1) * MINUTE_MS).toISOString(),
      good,
      total: good * 2,
    }));
    await recordMeasurements({ ctx, input: { id, body: { points } } });
  }
  await evaluate(env);
  // As of counters, and as a minute before, so that there is something to settle.
  await database.query(
    `UPDATE np_slo_snapshots SET received_good = used_good, received_total = used_total, counter_points = '1'
     WHERE used_total IS NOT NULL`,
  );
  await database.query(
    "UPDATE np_slos SET evaluated_at = evaluated_at - interval '1 minute', updated_at = evaluated_at",
  );
  // An older stretch as a counter's, so that there is one to find.
  await database.query(
    `UPDATE np_slo_snapshots SET counter_points = '[]', received_good = used_good, received_total = used_total
     WHERE at < $1`,
    [new Date(AT - 200 * MINUTE_MS)],
  );
  await database.query('UPDATE np_slos SET pull_from = $1, pulled_until = $1, backfill = $2', [
    new Date(PULLED_UNTIL_MS),
    JSON.stringify(BACKFILL),
  ]);
  // As if an alert of each was to be told, and the end of another, which fires still for those who were told.
  await database.query(
    `UPDATE np_slos SET alert_due_at = $1, alerts = '{"default/one": {"runs": [], "told": {"sinceMs": 0, "untilMs": null}}}',
       alert_outbox = jsonb_build_array(jsonb_build_object('id', id, 'alert', 'default/two', 'dueMs', 0, 'deliveries', '{}'::jsonb))`,
    [new Date(AT)],
  );
  // As if yesterday had been reported.
  await database.query(
    `INSERT INTO np_slo_reports (source_account_id, slo_id, objective, period, starts_at, ends_at, target, good,
       minutes_observed, minutes_bad, longest_bad_minutes, created_at)
     SELECT source_account_id, id, 'default', 'day', $1::timestamptz - interval '1 day', $1, 0.9, length(name), 1, 1, 1, $1
     FROM np_slos`,
    [new Date(AT)],
  );
  for (const [accountId, dueAtMs] of Object.entries(REPORT_DUE_MS)) {
    await database.query(
      'UPDATE np_slos SET report_due_at = $1, reported_version = 0 WHERE source_account_id = $2',
      [new Date(dueAtMs), accountId],
    );
  }
  // And as a composite's, which waits to be computed anew.
  await database.query(`UPDATE np_slo_snapshots SET component_loss = '{1,0}'`);
  await database.query(`UPDATE np_slos SET level = 1, recompute_from = now()`);
  for (const accountId of ['mine', 'theirs']) {
    const input = { id: `default.api-of-${accountId}` };
    slos.set(accountId, await getSlo({ ctx: actingAs(env, accountId), input }));
  }
});

function sloOf(accountId: string): Slo {
  const slo = slos.get(accountId);
  if (slo === undefined) throw new Error(`no SLO of ${accountId}`);
  return slo;
}

/** A mistake that a statement could hold, and whose ids a client could send. */
interface Mistake {
  readonly name: string;
  readonly mangle: Mangle;
  readonly target: () => Target;
}

const asItIs: Mangle = (statement) => statement;

const own = (): Target => ({ accountId: 'mine', slo: sloOf('mine'), atMs: AT });
const foreignIds = (): Target => ({ accountId: 'mine', slo: sloOf('theirs'), atMs: AT });
const foreign = (): Target => ({ accountId: 'theirs', slo: sloOf('theirs'), atMs: AT });

const MISTAKES: readonly Mistake[] = [
  { name: "another account's id and ids", mangle: asItIs, target: foreign },
  { name: "another account's ids, no look at the account", mangle: withoutAccount, target: foreignIds },
  { name: 'no WHERE at all', mangle: withoutWhere, target: own },
  { name: "another account's ids, no WHERE at all", mangle: withoutWhere, target: foreign },
];

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What a call said, as text; the ids that the database made up in it are all the same. */
function written(value: unknown): string {
  const known = new Set([...slos.values()].map(({ id }) => id));
  const text = JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Map ? [...part] : ArrayBuffer.isView(part) ? Array.from(part as Float64Array) : part,
  );
  return (text ?? 'nothing').replaceAll(UUID, (id) => (known.has(id) ? id : 'new'));
}

async function outcome(call: StorageCall, tx: Tx, { mangle, target }: Mistake): Promise<string> {
  try {
    return written(await call(mangled(tx, mangle), target()));
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `refused: ${cause instanceof pg.DatabaseError ? cause.code : String(cause)}`;
  }
}

/** All that is not ours, as the owner sees it. */
async function foreignRows({ client }: Tx): Promise<string> {
  const { rows } = await client.query<{ found: string }>(
    `SELECT (SELECT json_agg(s ORDER BY s.id) FROM np_slos s WHERE s.source_account_id <> 'mine')::text
       || (SELECT json_agg(s ORDER BY s.slo_id, s.objective, s.at) FROM np_slo_snapshots s
           WHERE s.source_account_id <> 'mine')::text AS found`,
  );
  return rows[0]?.found ?? 'none';
}

interface Trial {
  /** What the call answers while the other account has rows, and when it has none. */
  readonly withThem: string;
  readonly withoutThem: string;
  /** Whether the other account's rows are as they were. */
  readonly untouched: boolean;
}

/**
 * Makes the call twice in a transaction of its own, once beside the other account's rows and once in their
 * absence. A caller that cannot reach them cannot tell the difference.
 */
async function trial(role: 'tenant' | 'owner', call: StorageCall, mistake: Mistake): Promise<Trial> {
  const undo = new Error('undo');
  let result: Trial | undefined;
  const work = async (tx: Tx): Promise<never> => {
    const { client } = tx;
    const asOwner = async <T>(look: () => Promise<T>): Promise<T> => {
      await client.query('SAVEPOINT look; RESET ROLE');
      const found = await look();
      await client.query('ROLLBACK TO look');
      return found;
    };
    const before = await asOwner(() => foreignRows(tx));
    await client.query('SAVEPOINT first');
    const withThem = await outcome(call, tx, mistake);
    if (withThem.startsWith('refused')) await client.query('ROLLBACK TO first');
    const untouched = (await asOwner(() => foreignRows(tx))) === before;
    await client.query('ROLLBACK TO first; RESET ROLE');
    for (const table of ['np_slo_snapshots', 'np_slos']) {
      await client.query(`DELETE FROM ${table} WHERE source_account_id <> 'mine'`);
    }
    if (role === 'tenant') await client.query(`SET LOCAL ROLE ${TENANT_ROLE}`);
    const withoutThem = await outcome(call, tx, mistake);
    result = { withThem, withoutThem, untouched };
    throw undo;
  };
  const run = role === 'tenant' ? database.db.tenant('mine', work) : database.db.owner(work);
  await run.catch((error: unknown) => {
    if (error !== undo) throw error;
  });
  if (result === undefined) throw new Error('the trial did not end');
  return result;
}

describe('a query on an account reaches nothing of another', () => {
  describe.each(Object.entries(STORAGE_CALLS))('%s', (_name, call) => {
    test.each(MISTAKES)('with $name', async (mistake) => {
      const { withThem, withoutThem, untouched } = await trial('tenant', call, mistake);
      expect(withThem).toBe(withoutThem);
      expect(untouched).toBe(true);
    });

    test('and it would, were it not for row level security', async () => {
      const trials: Trial[] = [];
      for (const mistake of MISTAKES) trials.push(await trial('owner', call, mistake));
      expect(
        trials.some(({ withThem, withoutThem, untouched }) => withThem !== withoutThem || !untouched),
      ).toBe(true);
    });
  });
});

test('every function with SQL in it is among those that were tried', async () => {
  const exported: string[] = [];
  for (const file of readdirSync(STORAGE)) {
    const text = readFileSync(join(STORAGE, file), 'utf8');
    // The embedded server is the administrator's business, and schema.ts holds no statement.
    if (!/\.query\b|\borm\b|\bdrizzle\(/.test(text) || /^(embedded|schema)/.test(file)) continue;
    const module: Readonly<Record<string, unknown>> = await import(join(STORAGE, file));
    exported.push(...Object.keys(module).filter((name) => typeof module[name] === 'function'));
  }
  expect(exported).toContain('slosByReference');
  const tried = [...Object.keys(STORAGE_CALLS), ...Object.keys(NO_STORAGE_CALLS)];
  expect(exported.filter((name) => !tried.includes(name))).toEqual([]);
});

describe('the role of requests', () => {
  const refused = (statement: string): Promise<string> =>
    database.db
      .tenant('mine', ({ client }) => client.query(statement))
      .then(
        () => 'done',
        (error: unknown) => (error instanceof pg.DatabaseError ? (error.code ?? '') : String(error)),
      );

  test('is bound by row level security', async () => {
    const { rows } = await database.db.tenant('mine', ({ client }) =>
      client.query(
        'SELECT current_user::text AS name, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user',
      ),
    );
    expect(rows).toEqual([{ name: TENANT_ROLE, rolsuper: false, rolbypassrls: false }]);
  });

  test('gets at no partition, no other schema and no table as a whole', async () => {
    const parts = await database.query<{ name: string }>(
      "SELECT oid::regclass::text AS name FROM pg_class WHERE relispartition AND relkind = 'r'",
    );
    expect(parts.length).toBeGreaterThan(0);
    for (const statement of [
      ...parts.flatMap(({ name }) => [`SELECT * FROM ${name}`, `DELETE FROM ${name}`]),
      'SELECT * FROM drizzle.np_slo_migrations',
      'TRUNCATE np_slos CASCADE',
      'ALTER TABLE np_slos DISABLE ROW LEVEL SECURITY',
      'DROP POLICY np_slos_own_account ON np_slos',
      'CREATE TABLE public.mine (n int)',
      'SELECT * FROM pg_authid',
    ]) {
      expect(await refused(statement), statement).toBe('42501');
    }
  });

  test('sees nothing while no account is set, or an empty one', async () => {
    for (const setting of ['RESET app.source_account_id', "SET LOCAL app.source_account_id = ''"]) {
      const { rows } = await database.db.tenant('mine', async ({ client }) => {
        await client.query(setting);
        return client.query<{ n: number }>(
          'SELECT (SELECT count(*) FROM np_slos)::int + (SELECT count(*) FROM np_slo_snapshots)::int AS n',
        );
      });
      expect(rows, setting).toEqual([{ n: 0 }]);
    }
  });

  test('writes no row of another account, and takes none over', async () => {
    expect(await refused("UPDATE np_slos SET source_account_id = 'theirs'")).toBe('42501');
    expect(await refused("UPDATE np_slo_snapshots SET source_account_id = 'theirs'")).toBe('42501');
  });

  test('leaves nothing behind on the connection', async () => {
    await database.db.tenant('mine', async () => undefined);
    await database.db.tenant('mine', () => Promise.reject(new Error('undo'))).catch(() => undefined);
    const seen = await Promise.all(
      Array.from({ length: 8 }, () =>
        database.db.owner(({ client }) =>
          client.query<{ role: string; account: string | null }>(
            "SELECT current_role AS role, current_setting('app.source_account_id', true) AS account",
          ),
        ),
      ),
    );
    for (const { rows } of seen) {
      expect(rows[0]?.role).not.toBe(TENANT_ROLE);
      expect(rows[0]?.account ?? '').toBe('');
    }
  });
});
