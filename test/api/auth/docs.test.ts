import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { CREDENTIAL_HEADERS } from '../../../src/api/auth/credential-headers.ts';
import { usedDataDir } from '../../support/data-dir.ts';
import { CHECKOUT, startProcess } from '../../support/process.ts';

const run = promisify(exec);
const text = readFileSync(join(CHECKOUT, 'docs/authentication.md'), 'utf8');
const commands = [...text.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, command = '']) => command);

test('docs/authentication.md lists the headers that are read', () => {
  const list = /^```\n(Authorization .*?)^```$/ms.exec(text)?.[1] ?? '';
  const names = list.split(/\s+/).filter((name) => name !== '');
  expect(names.map((name) => name.toLowerCase()).sort()).toEqual([...CREDENTIAL_HEADERS].sort());
});

test('its commands work when pasted one after the other', async () => {
  const [, jwtSecret = ''] = /^HASURA_GRAPHQL_JWT_SECRET='(.*)' npm start$/m.exec(text) ?? [];
  const DATA_DIR = await usedDataDir();
  const service = await startProcess({ env: { DATA_DIR, HASURA_GRAPHQL_JWT_SECRET: jwtSecret } });
  const URL = await service.url();
  const TOKEN = JSON.parse(readFileSync(join(DATA_DIR, 'secrets.json'), 'utf8')).pluginSecret;
  const script = ['set -euo pipefail', ...commands].join("\nprintf '\\n@@\\n'\n");
  const { DATABASE_URL: _, ...environment } = process.env;
  const env = { ...environment, URL, TOKEN, DATA_DIR };
  const { stdout } = await run(script, { env, cwd: CHECKOUT, shell: '/bin/bash' });
  const [, created, listed, byJwt, byAdmin, gateway, byKey, mutation, verified, ...more] = stdout
    .split('@@\n')
    .map((answer) => answer.trim());
  expect(more).toEqual([]);
  expect(JSON.parse(created ?? '')).toMatchObject({ source_account_id: 'acme', name: 'checkout' });
  expect(JSON.parse(listed ?? '')).toMatchObject({ total: 1 });
  expect(JSON.parse(byJwt ?? '')).toMatchObject({ total: 1 });
  expect(JSON.parse(byAdmin ?? '')).toMatchObject({ source_account_id: 'acme', name: 'search' });
  expect(JSON.parse(gateway ?? '')).toEqual({ data: { slos: { total: 2 } } });
  expect(JSON.parse(byKey ?? '')).toMatchObject({ total: 2 });
  expect(JSON.parse(mutation ?? '').data.createAccessKey).toMatchObject({
    accessKey: { username: 'acme' },
    errors: [],
  });
  for (const header of ['X-Source-Account-Id: acme', 'X-Hasura-Role: user', 'X-Hasura-User-Id: u-1']) {
    expect(verified?.toLowerCase()).toContain(header.toLowerCase());
  }
});
