import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLines } from '../../src/cli/open-lines.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { loadConfig } from '../../src/config.ts';
import { PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { temporaryDirectory } from '../support/process.ts';
import { startTracker } from '../support/tracker.ts';

const database = await createTestDatabase();
/** The clock of `startTracker`. */
const NOW = Date.UTC(2026, 2, 10, 12, 0);
const MINUTE = 60_000;

async function run(...args: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const secrets = { pluginSecret: PLUGIN_SECRET, accessKeySecret: 'g'.repeat(32) };
  const code = await runCommand(['backfill', ...args], {
    loadConfig: () => loadConfig(() => secrets, { PLUGIN_SECRET }),
    write: (text) => {
      stdout += text;
    },
    note: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

/** Two points a minute, so that a minute that is split over two requests would show. */
function lines(minutes: number): string[] {
  return Array.from({ length: 2 * minutes }, (_, i) => {
    const at = new Date(NOW - minutes * MINUTE + Math.floor(i / 2) * MINUTE + (i % 2) * 1000).toISOString();
    return JSON.stringify({ slo: 'default.api', at, good: 9, total: 10, objective: null, pad: undefined });
  });
}

async function createApi(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${PLUGIN_SECRET}`, 'content-type': 'application/json' };
  const body = JSON.stringify({
    name: 'api',
    target: 0.8,
    time_window: { type: 'rolling', duration: '1h' },
  });
  const answer = await fetch(`${url}/api/v1/slos`, { method: 'POST', headers, body });
  expect([201, 409]).toContain(answer.status);
}

const stored = async () =>
  (
    await database.query<{ good: number; total: number; n: number }>(
      `SELECT sum(used_good) AS good, sum(used_total) AS total, count(*)::int AS n FROM np_slo_snapshots
       WHERE used_total IS NOT NULL`,
    )
  )[0];

test('a file that was interrupted goes on where it was, and each minute counts as a whole', async () => {
  const tracker = await startTracker(database);
  await createApi(tracker.url);
  const folder = await temporaryDirectory();
  const file = join(folder, 'points.ndjson');
  // Blanks make a line long, so that few minutes take many requests.
  const padded = lines(100).map((line) => line + ' '.repeat(60_000));
  await writeFile(file, `\uFEFF${padded.join('\n')}\n`);
  // A proxy that is gone for good after the first request that stores something.
  let pushes = 0;
  const proxy = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    if (request.method === 'POST') pushes += 1;
    if (pushes > 1) {
      response.writeHead(403).end('closed');
      return;
    }
    const answer = await fetch(`${tracker.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: {
        authorization: request.headers.authorization ?? '',
        ...(request.headers['content-type'] === undefined
          ? {}
          : { 'content-type': request.headers['content-type'] }),
      },
      ...(request.method === 'POST' ? { body: Buffer.concat(parts) } : {}),
    });
    response.writeHead(answer.status).end(await answer.text());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  const proxyUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const first = await run(file, '--url', proxyUrl);
  proxy.closeAllConnections();
  proxy.close();
  expect(first.code).toBe(1);
  expect((await readdir(folder)).sort()).toEqual(['points.ndjson', 'points.ndjson.backfill']);
  expect((await stored())?.n).toBeGreaterThan(10);
  expect((await stored())?.n).toBeLessThan(100);

  const second = await run(file, '--url', tracker.url);
  expect(second.stderr).toMatch(/going on after line [0-9]+/);
  expect(second).toMatchObject({ code: 0, stdout: '{"accepted":200,"rejected":0}\n' });
  expect(second.stderr).toContain('] 100 %');
  expect(await stored()).toEqual({ good: 1800, total: 2000, n: 100 });
  expect(await readdir(folder)).toEqual(['points.ndjson']);
  // Once more changes nothing.
  expect((await run(file, '--url', tracker.url)).code).toBe(0);
  expect(await stored()).toEqual({ good: 1800, total: 2000, n: 100 });

  await writeFile(file, '{"slo":"default.none","at":"2026-03-10T11:00:00Z","good":1,"total":1}\nx\n');
  const refused = await run(file, '--url', tracker.url);
  expect(refused).toMatchObject({ code: 1, stdout: '{"accepted":0,"rejected":2}\n' });
  expect(refused.stderr).toContain('line 2: The line is not valid JSON.');
});

test('wrong calls are refused in a line', async () => {
  expect(await run()).toMatchObject({
    code: 1,
    stderr: 'backfill: give either a file or --slo with --from\n',
  });
  expect((await run('--slo', 'default.api', '--from', 'yesterday')).stderr).toMatch(
    /^--from: expected an RFC/,
  );
  expect((await run('/none/such.ndjson')).stderr).toBe('backfill: /none/such.ndjson cannot be read\n');
});

test('lines stay open while their minute may go on, and are let go with the next one', () => {
  const line = (at: string, objective?: string) =>
    JSON.stringify({ slo: 'default.api', at: `2026-03-10T${at}Z`, good: 1, objective });
  const same = (reference: string) => reference;
  const a = line('11:00:01');
  const b = line('11:00:30');
  const c = line('11:01:00');
  expect(openLines([a, b], same)).toEqual([a, b]);
  expect(openLines([a, b, c], same)).toEqual([c]);
  // One objective is still in the minute that the other has left.
  const [x, y] = [line('11:00:00', 'x'), line('11:01:00', 'y')];
  expect(openLines([x, y], same)).toEqual([x, y]);
  // A minute that comes again replaces what it said before.
  expect(openLines([a, c, b], same)).toEqual([b]);
});
