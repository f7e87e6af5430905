import { exec } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRestClient, SECRET } from './rest-client.ts';

const run = promisify(exec);
const text = await readFile(new URL('../../../docs/rest.md', import.meta.url), 'utf8');

/** The commands of the page in their order, each with the answer that it shows. */
const commands = [...text.matchAll(/```bash\n(.*?)```(?:(?:(?!```).)*?```json\n(.*?)```)?/gs)].map(
  ([, command = '', answer]) => ({ command, answer, shown: command.replaceAll(/\s+/g, ' ').slice(0, 100) }),
);

let url = '';
let directory = '';
const servers: ReturnType<typeof createServer>[] = [];

beforeAll(async () => {
  // Its commands use the time of the machine.
  const rest = await createRestClient({ now: new Date().toISOString() });
  const server = createServer(getRequestListener(rest.app.fetch));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  directory = await mkdtemp(join(tmpdir(), 'rest-docs-'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(directory, { recursive: true });
});

/** Checks that every key of the answer shown is there, and holds the same kind of thing. */
function expectShape(actual: unknown, shown: unknown, path: string): void {
  if (shown === null || actual === null) return;
  expect(typeof actual, path).toBe(typeof shown);
  if (Array.isArray(shown)) {
    for (const item of shown.slice(0, 1)) expectShape((actual as unknown[])[0], item, `${path}[0]`);
  } else if (typeof shown === 'object') {
    for (const [key, value] of Object.entries(shown)) {
      expect(actual, path).toHaveProperty([key]);
      expectShape((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
  }
}

describe('the commands of docs/rest.md', () => {
  test('are found', () => {
    expect(commands.length).toBeGreaterThan(10);
  });

  test.each(commands)('$shown', async ({ command, answer }) => {
    const env = { ...process.env, URL: url, TOKEN: SECRET };
    const { stdout, stderr } = await run(`set -eo pipefail\n${command}`, {
      env,
      cwd: directory,
      shell: '/bin/bash',
    });
    expect(stderr).toBe('');
    if (answer === undefined) expect(stdout).toBe('');
    else expectShape(JSON.parse(stdout), JSON.parse(answer), '');
  });
});
