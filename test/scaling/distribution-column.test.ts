import { expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { adminOverview } from '../../src/services/admin-overview.ts';
import type { ReceiverClient } from '../../src/services/alert-receivers.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { createDeliveryLane } from '../../src/services/deliver-alerts.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { findSlos, getSlo } from '../../src/services/find-slos.ts';
import { generateReports } from '../../src/services/generate-reports.ts';
import { listSlos } from '../../src/services/list-slos.ts';
import { listSnapshots } from '../../src/services/list-snapshots.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createRemovedOutboxes } from '../../src/services/removed-outboxes.ts';
import { repeatFiring } from '../../src/services/repeat-firing.ts';
import { storeReports } from '../../src/services/store-reports.ts';
import { tidyOutboxes } from '../../src/services/tidy-outboxes.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const TABLES = ['np_slos', 'np_slo_snapshots', 'np_slo_reports'];

/**
 * The faults of a statement. The rule: wherever one of the three tables is read or written, under its name or an
 * alias, the column is bound for that very appearance, as
 * - `alias.source_account_id` compared (`=`, `= ANY`, IN, or through the shard's hash) somewhere in the statement,
 * - the first of the columns of an INSERT,
 * - or, in a statement over all accounts, read with each row: selected, or ordered or grouped by, so that whatever
 *   follows from a row stays with its account.
 * DDL on the table as a whole (partitions) has no rows and is left out.
 */
function faultsOf(statement: string): string[] {
  const text = statement.replaceAll('"', '').replaceAll(/\s+/g, ' ');
  if (/^(CREATE|ALTER|DROP) TABLE /.test(text)) return [];
  // An appearance: FROM, JOIN, UPDATE, INTO, USING or a comma before the name, an alias perhaps behind it.
  const appearances = text.matchAll(
    /\b(FROM|JOIN|UPDATE|INTO|USING|,) ?(?:ONLY )?(?:public\.)?(np_slos|np_slo_snapshots|np_slo_reports)\b(?: (?:AS )?(?!(?:where|set|on|order|group|limit|for|cross|left|join|using|returning|values|select)\b)([a-z_]+))?/gi,
  );
  const faults: string[] = [];
  let count = 0;
  for (const [, verb = '', table = '', alias] of appearances) {
    count += 1;
    if (verb.toUpperCase() === 'INTO') {
      if (!new RegExp(`INTO (?:public\\.)?${table} ?\\( ?source_account_id\\b`, 'i').test(text)) {
        faults.push(`an INSERT into ${table} that does not begin with the column`);
      }
      continue;
    }
    const name = alias ?? table;
    const isAlone = /(?<![.\w])source_account_id\b/.test(text);
    if (!text.includes(`${name}.source_account_id`) && !(alias === undefined && isAlone)) {
      faults.push(`${table} as ${name} without the column`);
    }
  }
  const mentioned = TABLES.some((table) => new RegExp(`\\b${table}\\b`).test(text));
  const isCatalogue = /'np_slo\w+'::regclass/.test(text);
  if (mentioned && count === 0 && !isCatalogue)
    faults.push('a table is named in a way that this test cannot read');
  return faults;
}

async function driveEveryService(): Promise<void> {
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, 'primary');
  const two = {
    objectives: [
      { name: 'fast', target: 0.9 },
      { name: 'ok', target: 0.99 },
    ],
  };
  const { id } = await createSlo({ ctx, input: { name: 'api', ...two, labels: { team: 'a' } } });
  const slices = await createSlo({
    ctx,
    input: {
      name: 'slices',
      budgeting_method: 'timeslices',
      time_slice_window: '5m',
      time_window: { type: 'rolling', duration: '7d' },
      objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.9 }],
    },
  });
  await createSlo({ ctx, input: { name: 'silent', target: 0.9 } });
  const at = (back: number): string => new Date(env.clock.now() - back * MINUTE_MS).toISOString();
  const record = (slo: string, backs: readonly number[]) =>
    recordMeasurements({
      ctx,
      input: { id: slo, body: { points: backs.map((back) => ({ at: at(back), good: 5, total: 10.5 })) } },
    });
  await record(id, [1, 2, 3]);
  await record(slices.id, [0, 1, 2, 3, 9]);
  // Late by days and within a day, live, and over what stands.
  await record(id, [3 * 24 * 60, 90, 0]);
  const lines = [0, 5, 4000].map((back) =>
    JSON.stringify({ slo: 'default.api', at: at(back), good: 1, total: 2 }),
  );
  await recordStream({ ctx, input: { body: new Blob([lines.join('\n')]).stream() } });
  env.clock.advance(3 * MINUTE_MS);
  await evaluate(env);
  env.clock.advance(MINUTE_MS);
  await record(id, [0]);
  env.clock.advance(MINUTE_MS);
  await evaluate(env, { held: () => Array.from({ length: 63 }, (_, shard) => shard) });
  await evaluate(env);
  // Half of what came in was bad, so that alerts fire.
  const client: ReceiverClient = {
    name: 'alertmanager',
    title: 'Alertmanager',
    send: async () => ({ kind: 'taken' }),
    repeat: async () => ({ kind: 'taken' }),
  };
  const options = {
    client,
    receivers: [client.name],
    held: () => Array.from({ length: 64 }, (_, shard) => shard),
    removed: createRemovedOutboxes([client.name]),
    cut: new AbortController().signal,
  };
  await tidyOutboxes(env, options);
  expect((await createDeliveryLane(env, options).round()).taken).toBeGreaterThan(0);
  expect(await repeatFiring(env, options)).toEqual({ kind: 'taken' });
  await listSlos({
    ctx,
    input: { label: ['team=a'], q: 'a', sort: '-budget', state: 'exhausted', project: 'default' },
  });
  const slos = (await findSlos({ ctx, input: { ids: [id, 'default.slices'] } })).filter(
    (slo) => slo !== null,
  );
  expect(slos.length).toBe(2);
  for (const atMs of [env.clock.now(), env.clock.now() - DAY_MS]) {
    await readStatuses({ ctx, input: { slos, atMs } });
    await readBurnRates({ ctx, input: { slos, atMs } });
  }
  for (const slo of slos) await listSnapshots({ ctx, input: { slo, stepMs: 5 * MINUTE_MS } });
  await generateReports({ ctx, input: { period: 'day' } });
  env.clock.advance(DAY_MS);
  await evaluate(env);
  expect(
    await storeReports(env, { held: () => Array.from({ length: 64 }, (_, shard) => shard) }),
  ).toBeGreaterThan(0);
  await generateReports({ ctx, input: { period: 'day' } });
  await adminOverview({ ctx });
  await updateSlo({ ctx, input: { id, patch: { objectives: [{ name: 'fast', target: 0.8 }] } } });
  await deleteSlo({ ctx, input: { id: (await getSlo({ ctx, input: { id } })).id } });
  env.clock.advance(200 * DAY_MS);
  expect(await dropOldSnapshots(env)).toBeGreaterThan(0);
}

test('every key, unique constraint, foreign key and index begins with source_account_id', async () => {
  const env = createTestEnvironment(database, NOW);
  await env.partitions.ensure(NOW, NOW + 14 * DAY_MS);
  // The three tables and all partitions. No exceptions.
  const ours = `WITH RECURSIVE ours AS (
      SELECT t::regclass::oid AS oid FROM unnest($1::text[]) AS t
      UNION SELECT i.inhrelid FROM pg_inherits i JOIN ours o ON o.oid = i.inhparent
    )`;
  const indexes = await database.query<{
    of: string;
    name: string;
    first: string | null;
    partition: boolean;
  }>(
    `${ours} SELECT x.indrelid::regclass::text AS of, x.indexrelid::regclass::text AS name, c.relispartition AS partition,
       (SELECT attname FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[0]) AS first
     FROM pg_index x JOIN ours o ON o.oid = x.indrelid JOIN pg_class c ON c.oid = x.indrelid`,
    [TABLES],
  );
  const constraints = await database.query<{
    of: string;
    name: string;
    type: string;
    first: string;
    foreign: string | null;
  }>(
    `${ours} SELECT c.conrelid::regclass::text AS of, c.conname AS name, c.contype AS type,
       (SELECT attname FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) AS first,
       (SELECT attname FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attnum = c.confkey[1]) AS foreign
     FROM pg_constraint c JOIN ours o ON o.oid IN (c.conrelid, c.confrelid) WHERE c.contype IN ('p', 'u', 'f', 'x')`,
    [TABLES],
  );
  // Two keys of np_slos, one of the snapshots, one and an index of the reports; the partitions are seen too.
  expect(indexes.filter(({ partition }) => !partition).length).toBeGreaterThanOrEqual(5);
  expect(indexes.filter(({ partition }) => partition).length).toBeGreaterThanOrEqual(2);
  expect(constraints.map(({ type }) => type)).toEqual(expect.arrayContaining(['p', 'u', 'f']));
  expect(indexes.filter(({ first }) => first !== 'source_account_id')).toEqual([]);
  expect(
    constraints.filter(
      (one) => one.first !== 'source_account_id' || (one.type === 'f' && one.foreign !== 'source_account_id'),
    ),
  ).toEqual([]);
});

test('the rule for queries refuses what does not carry the column', () => {
  for (const refused of [
    'SELECT id FROM np_slos WHERE project = $1',
    'SELECT s.at FROM np_slo_snapshots s JOIN np_slos o ON o.source_account_id = $1 AND o.id = s.slo_id',
    'SELECT s.source_account_id FROM np_slos s, np_slo_snapshots r WHERE r.slo_id = s.id',
    'INSERT INTO np_slo_reports (slo_id, source_account_id) VALUES ($1, $2)',
    'DELETE FROM "np_slo_snapshots" s USING unnest($1::uuid[]) AS k(id) WHERE s.slo_id = k.id',
    'UPDATE np_slos SET state = $1 WHERE id = $2',
    'TRUNCATE np_slos',
  ]) {
    expect(faultsOf(refused), refused).not.toEqual([]);
  }
  for (const allowed of [
    'select "id" from "np_slos" where "np_slos"."source_account_id" = $1 for no key update',
    'SELECT 1 FROM np_slo_snapshots p WHERE p.source_account_id = k.account',
    'UPDATE np_slos SET state = $1 WHERE source_account_id = $2 AND id = $3',
    'SELECT 1',
  ]) {
    expect(faultsOf(allowed), allowed).toEqual([]);
  }
});

test('every statement of every service carries source_account_id wherever it names a table', async () => {
  const statements = [...new Set((await statementsOf(driveEveryService)).map(({ text }) => text))];
  const named = statements.filter((text) => TABLES.some((table) => new RegExp(`\\b${table}\\b`).test(text)));
  // Reads, inserts, replacements, updates and deletions have all been seen.
  expect(named.length).toBeGreaterThan(15);
  for (const verb of [/^\s*INSERT/i, /ON CONFLICT/i, /^\s*UPDATE/i, /^\s*DELETE/i, /for no key update/i]) {
    expect(
      named.some((text) => verb.test(text)),
      String(verb),
    ).toBe(true);
  }
  expect(named.flatMap((text) => faultsOf(text).map((fault) => `${fault}: ${text}`))).toEqual([]);
});
