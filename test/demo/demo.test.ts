import { exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { referenceOf } from '../../scripts/demo/sample-slo.ts';
import { sampleSlos } from '../../scripts/demo/sample-slos.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { builtProgram } from '../support/built-program.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { startProcess, type TestProcess } from '../support/process.ts';

vi.setConfig({ testTimeout: 300_000 });

const run = promisify(exec);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SECRET = 'a-secret-of-the-demo-test';
const AUTH = { authorization: `Bearer ${SECRET}` };
const NPM = ['npm', 'run', 'demo'] as const;

function startDemo(
  database: TestDatabase,
  {
    command = [process.execPath, builtProgram('scripts/demo.ts')],
    env = {},
  }: { command?: readonly [string, ...string[]]; env?: Record<string, string> } = {},
): Promise<TestProcess> {
  return startProcess({
    command,
    env: { DATABASE_URL: database.url, PLUGIN_SECRET: SECRET, DEMO_DAYS: '1', ...env },
  });
}

/** What the demo prints once it is ready, to its last command. */
async function guideOf(demo: TestProcess): Promise<{ url: string; commands: string[] }> {
  await demo.line(/^curl .*media\.subtitles\/measurements/);
  const url = /http\S+/.exec(await demo.line(/^ {2}URL /))?.[0] ?? '';
  return { url, commands: demo.stdout.filter((line) => line.startsWith('curl ')) };
}

const snapshotSchema = z.object({
  at: z.string(),
  objective: z.string(),
  received_good: z.number().nullable(),
  received_total: z.number().nullable(),
  used_good: z.number().nullable(),
  used_total: z.number().nullable(),
  reliability: z.number().nullable(),
});
type Snapshots = Record<string, z.infer<typeof snapshotSchema>[]>;

/** What stands of some SLOs in the last day before `untilMs`, by `project.name`. */
async function snapshotsOf(url: string, untilMs: number): Promise<Snapshots> {
  const all: Snapshots = {};
  for (const slo of ['shop.checkout', 'shop.checkout-latency', 'shop.search', 'shop.buying']) {
    const range = `from=${new Date(untilMs - DAY + MINUTE).toISOString()}&to=${new Date(untilMs).toISOString()}`;
    const response = await fetch(`${url}/api/v1/slos/${slo}/snapshots?${range}&limit=10000`, {
      headers: AUTH,
    });
    all[slo] = z.object({ data: z.array(snapshotSchema) }).parse(await response.json()).data;
  }
  return all;
}

async function answerOf(command: string): Promise<unknown> {
  const { stdout, stderr } = await run(command, { shell: '/bin/bash' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** The SLOs that a pasted subscription tells of, as they come. */
function watch(command: string): { next(isMeant: (slo: unknown) => boolean): Promise<unknown>; end(): void } {
  const child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: unknown[] = [];
  const watchers = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = /^data: ?(\{.*)$/.exec(line)?.[1];
    if (event === undefined) return;
    told.push(JSON.parse(event).data.sloStatusChanged);
    for (const look of watchers) look();
  });
  return {
    next: (isMeant) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = told.find(isMeant);
          if (found !== undefined) resolve(found);
        };
        watchers.add(look);
        look();
      }),
    end: () => void child.kill(),
  };
}

describe('npm run demo', () => {
  it('prints commands that lead through REST, GraphQL, PromQL and a subscription when pasted', async () => {
    const database = await createTestDatabase();
    const demo = await startDemo(database, { command: NPM });
    const { url, commands } = await guideOf(demo);
    expect(commands).toHaveLength(9);
    const [
      burnRate = '',
      fired = '',
      reports = '',
      alerts = '',
      composite = '',
      instant = '',
      range = '',
      live = '',
      push = '',
    ] = commands;

    expect(await answerOf(burnRate)).toMatchObject({
      objectives: [
        {
          target: 0.9995,
          alerts: expect.arrayContaining([
            expect.objectContaining({ holds: true, firing_since: expect.any(String) }),
          ]),
        },
      ],
    });
    const history = z.object({ data: z.array(z.record(z.string(), z.unknown())) });
    expect(history.parse(await answerOf(fired)).data).toContainEqual({
      ...{ objective: 'default', condition: 'burn_rate:1h:5m:page', severity: 'page' },
      ...{ firing_since: expect.stringMatching(/:00Z$/), resolved_at: null },
    });
    const { stdout: csv } = await run(reports, { shell: '/bin/bash' });
    const [header, ...rows] = csv.trim().split('\r\n');
    expect(header).toMatch(/^slo_id,project,slo,service,objective,period,/);
    // Twelve SLOs, of which one has two objectives.
    expect(new Set(rows.map((row) => row.split(',').slice(1, 5).join()))).toHaveProperty('size', 13);
    const fires = z
      .object({
        data: z.object({
          slos: z.object({ items: z.array(z.object({ name: z.string(), alerts: z.array(z.unknown()) })) }),
        }),
      })
      .parse(await answerOf(alerts)).data.slos.items;
    expect(fires.find(({ name }) => name === 'payments')?.alerts).toContainEqual({
      objective: 'default',
      condition: 'burn_rate:1h:5m:page',
      severity: 'PAGE',
      firingSince: expect.any(String),
    });
    const { data } = z
      .object({
        data: z.object({ slo: z.object({ status: z.object({ objectives: z.array(z.unknown()) }) }) }),
      })
      .parse(await answerOf(composite));
    expect(data.slo.status.objectives).toEqual([
      {
        reliability: expect.closeTo(1, 1),
        budget: expect.any(Number),
        components: ['checkout', 'payments', 'search'].map((slo) => ({
          slo,
          weight: { checkout: 3, payments: 2, search: 1 }[slo],
          impact: expect.any(Number),
        })),
      },
    ]);
    const promql = z.object({
      status: z.literal('success'),
      data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) })) }),
    });
    const fastest = promql.parse(await answerOf(instant)).data.result;
    expect(fastest).toHaveLength(3);
    expect(fastest[0]?.metric).toMatchObject({ slo: 'payments' });
    const ranges = promql.parse(await answerOf(range)).data.result;
    expect(new Set(ranges.map(({ metric }) => metric.project))).toEqual(new Set(['shop']));

    const watched = watch(live);
    expect(await watched.next(named('subtitles'))).toMatchObject({ state: 'NO_DATA' });
    expect(await answerOf(push)).toEqual({ accepted: 1 });
    const changed = await watched.next((slo) => named('subtitles')(slo) && !isNoData(slo));
    // 97 of 100 were good, and 95 have to be: (1 - 0.97) / (1 - 0.95) = 0.6 of the budget is spent.
    expect(changed).toMatchObject({
      state: 'HEALTHY',
      status: { objectives: [{ reliability: 0.97, budget: expect.closeTo(0.4, 9) }] },
    });
    watched.end();

    expect((await demo.kill('SIGTERM')).code).toBe(0);
    await expect(fetch(`${url}/live`)).rejects.toThrow();
  });

  it('goes on where it was killed, and a further start changes nothing', async () => {
    const database = await createTestDatabase();
    const killed = await startDemo(database);
    await expect.poll(() => killed.stderr.join(), { timeout: 120_000 }).toContain('shop.search');
    await killed.kill('SIGKILL');
    const resumed = await startDemo(database);
    const { url } = await guideOf(resumed);
    const response = await fetch(`${url}/api/v1/slos/shop.checkout`, { headers: AUTH });
    const { created_at: createdAt } = z.object({ created_at: z.string() }).parse(await response.json());
    const startMs = Math.floor(Date.parse(createdAt) / MINUTE) * MINUTE;
    const stored = await snapshotsOf(url, startMs);
    // Every minute of the day is there, as the seed has it; its snapshot stands at its end.
    const minutes = Array.from({ length: DAY / MINUTE }, (_, i) => startMs - DAY + i * MINUTE);
    const checkout = sampleSlos({ seed: 1, startMs }).find((slo) => referenceOf(slo) === 'shop.checkout');
    expect(
      stored['shop.checkout']?.map(({ at, received_good: good, received_total: total }) => ({
        ms: Date.parse(at) - MINUTE,
        ...{ good, total },
      })),
    ).toEqual(minutes.map((ms) => ({ ms, ...checkout?.measure?.(ms) })));
    expect(stored['shop.buying']?.filter(({ used_total: total }) => total !== 1)).toEqual([]);
    expect((await resumed.kill('SIGINT')).code).toBe(0);

    const again = await startDemo(database);
    expect(await snapshotsOf((await guideOf(again)).url, startMs)).toEqual(stored);
    expect((await again.kill('SIGTERM')).code).toBe(0);
  });

  it('says that a port is taken, and touches nothing', async () => {
    const database = await createTestDatabase();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const demo = await startDemo(database, { env: { PORT: String(port) } });
    expect(await demo.exit).toEqual({ code: 1, signal: null });
    other.close();
    expect(demo.stderr.join('\n')).toContain(`PORT: expected a free port (got ${port}`);
    expect(await database.query('SELECT 1 FROM np_slos')).toEqual([]);
  });

  it('refuses to fill a production database', async () => {
    const demo = await startDemo(await createTestDatabase(), { env: { NODE_ENV: 'production' } });
    expect(await demo.exit).toEqual({ code: 78, signal: null });
    expect(demo.stderr).toEqual(['NODE_ENV: expected anything but production for a demo']);
  });

  it("leaves somebody else's SLO alone", async () => {
    const database = await createTestDatabase();
    const ctx = actingAs(createTestEnvironment(database, Date.now()), 'primary');
    await createSlo({ ctx, input: { project: 'shop', name: 'payments', target: 0.9 } });
    const demo = await startDemo(database);
    expect((await demo.exit).code).toBe(1);
    expect(demo.stderr.join('\n')).toContain("shop.payments exists, and is not the demo's");
    expect(await database.query('SELECT 1 FROM np_slo_snapshots')).toEqual([]);
  });
});

const named =
  (name: string) =>
  (slo: unknown): boolean =>
    typeof slo === 'object' && slo !== null && 'name' in slo && slo.name === name;
const isNoData = (slo: unknown): boolean =>
  typeof slo === 'object' && slo !== null && 'state' in slo && slo.state === 'NO_DATA';
