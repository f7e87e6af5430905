import { expect, test } from 'vitest';
import { z } from 'zod';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { listSlos } from '../../src/services/list-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { type AskedStatement, statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const SLOS = 20;

/** The statements on the snapshots that `work` asks for, each once. */
async function snapshotStatementsOf(work: () => Promise<unknown>): Promise<AskedStatement[]> {
  const asked = (await statementsOf(work)).filter(
    ({ text }) => /\bnp_slo_snapshots\b/.test(text) && !/^(CREATE|ALTER)|regclass/.test(text),
  );
  return [...new Map(asked.map((statement) => [statement.text, statement])).values()];
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string | undefined;
  readonly 'Index Name'?: string | undefined;
  readonly 'Index Cond'?: string | undefined;
  readonly Plans?: readonly PlanNode[] | undefined;
}

const planNode: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({
    'Node Type': z.string(),
    'Relation Name': z.string().optional(),
    'Index Name': z.string().optional(),
    'Index Cond': z.string().optional(),
    Plans: z.array(planNode).optional(),
  }),
);
const explained = z.tuple([z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: planNode })]) })]);

const within = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(within)];

/** How a statement reads a table and its partitions: the scans of its plan, in a transaction as the services open it. */
async function scansOf({ text, values }: AskedStatement, table: string): Promise<PlanNode[]> {
  const rows = await database.db.owner(async ({ client }) => {
    const answer = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, [...values]);
    return answer.rows;
  });
  const [{ 'QUERY PLAN': plan }] = explained.parse(rows);
  return within(plan[0].Plan).filter(
    (node) => node['Relation Name']?.startsWith(table) === true && /Scan/.test(node['Node Type']),
  );
}

test('a tick, and a page of statuses, reach every snapshot by account and minute through an index', async () => {
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, 'primary');
  const ids: string[] = [];
  for (let i = 0; i < SLOS; i += 1) {
    ids.push((await createSlo({ ctx, input: { name: `slo-${i}`, target: 0.9 } })).id);
  }
  const at = (back: number): string => new Date(env.clock.now() - back * MINUTE_MS).toISOString();
  for (const id of ids) {
    const points = [3 * 24 * 60, 90, 1].map((back) => ({ at: at(back), good: 5, total: 10 }));
    await recordMeasurements({ ctx, input: { id, body: { points } } });
  }
  const statements = await snapshotStatementsOf(async () => {
    env.clock.advance(2 * MINUTE_MS);
    // Minutes without points, whose look-backs are made by the tick; then one that came in before it.
    await evaluate(env);
    env.clock.advance(MINUTE_MS);
    for (const id of ids) {
      await recordMeasurements({ ctx, input: { id, body: { points: [{ at: at(1), good: 1, total: 1 }] } } });
    }
    await evaluate(env);
    const { items } = await listSlos({ ctx, input: { limit: 1000 } });
    await readStatuses({ ctx, input: { slos: items, atMs: env.clock.now() - DAY_MS } });
  });
  const scans = (
    await Promise.all(statements.map((statement) => scansOf(statement, 'np_slo_snapshots')))
  ).flat();
  expect(scans.length).toBeGreaterThan(10);
  for (const scan of scans) {
    expect(scan['Node Type'], JSON.stringify(scan)).toMatch(/^Index (Only )?Scan/);
    // By the key: account and minute. By the index of the rows of 00:00: the series.
    const reach =
      scan['Index Name']?.endsWith('_pkey') === true ? /\bat [<>]?=/ : /\bslo_id = .*\bobjective = /;
    expect(scan['Index Cond'], JSON.stringify(scan)).toMatch(/\bsource_account_id = /);
    expect(scan['Index Cond'], JSON.stringify(scan)).toMatch(reach);
  }

  // The copying of statuses: the blocks of its part alone, once to find what is due and once to count, and then row by row.
  const settling = statements.filter(({ text }) => /WITH done AS/.test(text));
  expect(settling).toHaveLength(1);
  for (const statement of settling) {
    const kinds = (await scansOf(statement, 'np_slos')).map((node) => node['Node Type']);
    expect(kinds.toSorted()).toEqual(['Tid Range Scan', 'Tid Range Scan', 'Tid Scan']);
  }
}, 120_000);
