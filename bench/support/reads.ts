import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DAY_MS, floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { cloneSlos, makeTemplates } from './history.ts';
import { interleave } from './interleave.ts';
import type { Outcome } from './outcome.ts';
import { startPostgres } from './postgres.ts';
import { runScript, startProgram } from './processes.ts';
import { progress } from './progress.ts';
import { type Service, startService } from './service.ts';
import { scaled } from './sizes.ts';
import { settle } from './tables.ts';
import { installTools } from './tools.ts';

const CONNECTIONS = 32;
const SECONDS = scaled(10, 2);
const SLOS = 10;
const HISTORY_MS = 30 * DAY_MS;

const portSchema = z.object({ port: z.number() });
const loadSchema = z.object({ perSecond: z.number(), p99: z.number(), failed: z.number() });

/** One request, as autocannon takes it. */
interface Asked {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ReadBench {
  readonly name: string;
  /** Asks our service for one SLO with its status. */
  readonly ours: (service: Service, id: string) => Asked;
  /** Whether an answer of ours has the status. */
  readonly isWhole: (answer: unknown) => boolean;
}

/** The columns of the row that a status page shows. */
const STORED_ROW = `query ($id: UUID!) {
  npSloBySourceAccountIdAndRowId(sourceAccountId: "primary", rowId: $id) {
    rowId sourceAccountId project name displayName description service labels budgetingMethod timeSliceSeconds
    timeWindow sli objectives alertPolicy createdAt updatedAt
    state reliability budget burnRate evaluatedAt lastDataAt
  }
}`;

const storedRowSchema = z.object({
  data: z.object({
    npSloBySourceAccountIdAndRowId: z.object({ rowId: z.string(), reliability: z.number() }),
  }),
});

async function load(asked: Asked, seconds: number): Promise<number> {
  const options = { ...asked, connections: CONNECTIONS, duration: seconds };
  const answer = loadSchema.parse(
    JSON.parse(await runScript('bench/load/requests.ts', [JSON.stringify(options)])),
  );
  if (answer.failed > 0) throw new Error(`${answer.failed} requests failed at ${asked.url}`);
  return answer.perSecond;
}

async function answerOf({ url, method, headers, body }: Asked): Promise<unknown> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** One SLO with its status from our service against its stored row from PostGraphile, both on Node.js 24. */
export async function benchReads({ name, ours, isWhole }: ReadBench): Promise<Outcome> {
  const { directory, node24 } = await installTools();
  const server = await startPostgres();
  const database = await server.createDatabase('reads');
  const endMs = floorTo(Date.now(), MINUTE_MS);
  await makeTemplates({
    database,
    definition: { target: 0.999 },
    // Beyond the window too, as after months of work.
    fromMs: endMs - HISTORY_MS,
    toMs: endMs,
    patterns: 2,
  });
  await cloneSlos(database, { accounts: ['primary'], slosPerAccount: SLOS });
  await settle(database, ['np_slo_snapshots', 'np_slos']);
  const [slo] = await database.query<{ id: string }>(`SELECT id FROM np_slos WHERE name = 'slo-0'`);
  if (slo === undefined) throw new Error('there is no SLO');

  const service = await startService({ databaseUrl: database.url, node: node24 });
  const script = join(directory, 'postgraphile-server.mjs');
  await copyFile(join(import.meta.dirname, '..', 'load', 'postgraphile-server.mjs'), script);
  const postgraphile = startProgram({
    command: node24,
    args: [script, database.url],
    cwd: directory,
    env: { NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
  });
  const { port } = portSchema.parse(JSON.parse(await postgraphile.line(/"port"/)));
  const stored: Asked = {
    url: `http://127.0.0.1:${port}/graphql`,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-source-account-id': 'primary' },
    body: JSON.stringify({ query: STORED_ROW, variables: { id: slo.id } }),
  };
  const asked = ours(service, slo.id);
  if (!isWhole(await answerOf(asked)))
    throw new Error(`no status in ${JSON.stringify(await answerOf(asked))}`);
  storedRowSchema.parse(await answerOf(stored));
  progress('both answer; warming up');
  await load(asked, Math.min(SECONDS, 5));
  await load(stored, Math.min(SECONDS, 5));
  const medians = await interleave(`${name}, requests a second`, {
    ours: () => load(asked, SECONDS),
    baseline: () => load(stored, SECONDS),
  });
  return { ...medians, ratio: medians.ours / medians.baseline, unit: 'requests/s' };
}
