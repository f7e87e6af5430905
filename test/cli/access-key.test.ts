import { describe, expect, it } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { loadConfig } from '../../src/config.ts';
import { builtProgram } from '../support/built-program.ts';
import { usedDataDir } from '../support/data-dir.ts';
import { startProcess } from '../support/process.ts';

const KEY_SECRET = 'an-access-key-secret-of-32-bytes';
const PASSWORD = /^([0-9]+)\.([a-z_]+)\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;

async function run(command: string, env: Record<string, string> = { ACCESS_KEY_SECRET: KEY_SECRET }) {
  let stdout = '';
  let stderr = '';
  const secrets = () => ({ pluginSecret: 'p'.repeat(16), accessKeySecret: 'g'.repeat(32) });
  const code = await runCommand(command.split(' '), {
    loadConfig: () => loadConfig(secrets, env),
    write: (text) => {
      stdout += text;
    },
    note: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

describe('access-key create', () => {
  it('prints a key for a viewer, and how to revoke it', async () => {
    const { code, stdout, stderr } = await run('access-key create --account org:acme');
    expect(code).toBe(0);
    const [, password = ''] = /^username: org:acme\npassword: (\S+)\n$/.exec(stdout) ?? [];
    const [, epoch, role, id] = PASSWORD.exec(password) ?? [];
    expect([epoch, role]).toEqual(['1', 'viewer']);
    expect(stderr).toContain(`ACCESS_KEY_REVOKED=${id} `);
    expect(stderr).not.toContain(password);
  });

  it('prints JSON, of another role and the configured epoch', async () => {
    const env = { ACCESS_KEY_SECRET: KEY_SECRET, ACCESS_KEY_EPOCH: '7', WRITE_ROLES: 'editor' };
    const { stdout } = await run('access-key create --account acme --role editor --json', env);
    const key = JSON.parse(stdout);
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      role: 'editor',
      username: 'acme',
      password: expect.stringMatching(/^7\.editor\./),
    });
  });

  it.each([
    ['no account', 'access-key create', /--account/],
    ['an account that is none', 'access-key create --account a/b', /account id/],
    ['a role without rights', 'access-key create --account a --role public', /role/],
    ['an unknown option', 'access-key create --account a --forever', /--forever/],
    ['an unknown command', 'acess-key create', /access-key/],
    ['words that nobody expects', 'access-key create --account a b', /too many/],
  ])('refuses %s in a line, with 1', async (_name, command, line) => {
    const { code, stdout, stderr } = await run(command);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(line);
    expect(stderr).not.toContain(' at ');
  });

  it.each<[string, Record<string, string>]>([
    ['ACCESS_KEY_SECRET', { ACCESS_KEY_SECRET: 'short' }],
    ['ACCESS_KEY_EPOCH', { ACCESS_KEY_SECRET: KEY_SECRET, ACCESS_KEY_EPOCH: 'first' }],
    [
      'ACCESS_KEY_SECRET',
      { NODE_ENV: 'production', PLUGIN_SECRET: 's'.repeat(16), DATABASE_URL: 'postgres://localhost/slo' },
    ],
  ])('names %s where the configuration is at fault, with 78', async (name, env) => {
    const { code, stdout, stderr } = await run('access-key create --account acme', env);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^${name}: expected [^\n]*\n$`));
  });
});

describe('the command line', () => {
  it('shows its commands and its version', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('access-key') });
    expect(await run('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  it('makes a key that opens the service of the same data directory, though its port is taken', async () => {
    const dataDir = await usedDataDir();
    const service = await startProcess({ env: { DATA_DIR: dataDir } });
    const url = await service.url();
    const command = await startProcess({
      env: { DATA_DIR: dataDir, PORT: new URL(url).port },
      command: [
        process.execPath,
        builtProgram('src/main.ts'),
        ...['access-key', 'create', '--account', 'acme', '--json'],
      ],
    });
    expect(await command.exit).toEqual({ code: 0, signal: null });
    const { username, password } = JSON.parse(command.stdout.join('\n'));
    const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` };
    expect((await fetch(`${url}/api/v1/slos`, { headers })).status).toBe(200);
    const json = { ...headers, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'api', target: 0.9 });
    expect((await fetch(`${url}/api/v1/slos`, { method: 'POST', headers: json, body })).status).toBe(403);
    expect(service.stdout.join('\n')).not.toContain(password);
  });
});
