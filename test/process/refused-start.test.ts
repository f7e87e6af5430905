import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { usedDataDir } from '../support/data-dir.ts';
import { databaseUrl } from '../support/database-url.ts';
import { startProcess, temporaryDirectory } from '../support/process.ts';

async function refusal(env: Record<string, string>): Promise<{ code: number | null; stderr: string[] }> {
  const started = await startProcess({ env: { DATA_DIR: await temporaryDirectory(), ...env } });
  const { code } = await started.exit;
  return { code, stderr: started.stderr };
}

describe('a start that cannot succeed', () => {
  it('names PORT when the port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = await refusal({ PORT: String(port), DATA_DIR: await usedDataDir() });
    await new Promise((resolve) => taken.close(resolve));
    expect(code).toBe(1);
    expect(stderr).toEqual([expect.stringMatching(new RegExp(`^PORT: expected a free port .got ${port}, `))]);
  });

  it('names HOST when the address is not of this machine', async () => {
    const { code, stderr } = await refusal({
      HOST: '192.0.2.1',
      PLUGIN_SECRET: 'sixteen-characters',
      DATA_DIR: await usedDataDir(),
    });
    expect(code).toBe(1);
    expect(stderr).toEqual([expect.stringMatching(/^HOST: .*192\.0\.2\.1/)]);
  });

  it('names DATABASE_URL, never its password, when nothing answers there', async () => {
    const { code, stderr } = await refusal({ DATABASE_URL: 'postgres://tracker:hush-hush@127.0.0.1:1/slo' });
    expect(code).toBe(1);
    expect(stderr).toEqual([
      'DATABASE_URL: no PostgreSQL can be used at 127.0.0.1:1/slo: connect ECONNREFUSED 127.0.0.1:1',
    ]);
  });

  it('says that the password is wrong, or the database missing', async () => {
    const url = new URL(inject('serverUrl'));
    const missing = await refusal({ DATABASE_URL: databaseUrl(url.toString(), 'no_such_database') });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toEqual([
      expect.stringMatching(/^DATABASE_URL: .*"no_such_database" does not exist/),
    ]);
    url.password = 'hush-hush';
    const wrong = await refusal({ DATABASE_URL: url.toString() });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toEqual([
      expect.stringMatching(/^DATABASE_URL: .*the server refuses the password$/),
    ]);
  });

  it('has one line for each bad variable and exits with 78', async () => {
    const { code, stderr } = await refusal({
      PORT: 'http',
      EVALUATION_INTERVAL: 'often',
      LOG_LEVEL: 'loud',
      RATE_LIMIT: 'maybe',
      PLUGIN_SECRET: 'short',
    });
    expect(code).toBe(78);
    expect(stderr.map((line) => line.split(':')[0]).sort()).toEqual([
      'EVALUATION_INTERVAL',
      'LOG_LEVEL',
      'PLUGIN_SECRET',
      'PORT',
      'RATE_LIMIT',
    ]);
    expect(stderr.join('\n')).not.toContain('short');
  });

  it('in production wants a database, a secret and a licence', async () => {
    const bare = await refusal({ NODE_ENV: 'production' });
    expect(bare.code).toBe(78);
    expect(bare.stderr.map((line) => line.split(':')[0])).toEqual(['DATABASE_URL', 'PLUGIN_SECRET']);
    const unlicensed = await refusal({
      NODE_ENV: 'production',
      PLUGIN_SECRET: 'sixteen-characters',
      DATABASE_URL: inject('serverUrl'),
    });
    expect(unlicensed.code).toBe(78);
    expect(unlicensed.stderr).toEqual([
      expect.stringMatching(/^NSELF_PLUGIN_LICENSE_KEY: expected a licence key/),
    ]);
  });

  it('says that the data directory is in use, and leaves its user alone', async () => {
    const dataDir = await usedDataDir();
    const first = await startProcess({ env: { DATA_DIR: dataDir } });
    const url = await first.url();
    const second = await refusal({ DATA_DIR: dataDir });
    expect(second.code).toBe(1);
    expect(second.stderr).toEqual([
      expect.stringMatching(`^DATA_DIR ${dataDir} is in use .*process ${first.pid}`),
    ]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('lets one of two that begin at the same moment win', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const both = await Promise.all([
      startProcess({ env: { DATA_DIR: dataDir } }),
      startProcess({ env: { DATA_DIR: dataDir } }),
    ]);
    const outcomes = await Promise.all(
      both.map((one) =>
        Promise.race([
          one.url().then(
            () => 'ready',
            () => 'refused',
          ),
          one.exit.then(() => 'refused'),
        ]),
      ),
    );
    expect(outcomes.sort()).toEqual(['ready', 'refused']);
    expect(both.flatMap((one) => one.stderr)).toEqual([expect.stringMatching(/^DATA_DIR .* is in use/)]);
  });
});
