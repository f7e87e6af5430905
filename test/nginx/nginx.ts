import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/lib/free-port.ts';

const BINARY = '/usr/sbin/nginx';
const SITE = join(import.meta.dirname, '../../deploy/nginx/nself-slo-tracker.conf');

/** Whether the tests with the real nginx run. With REQUIRE_ALL=1 they do, and fail where there is none. */
export const HAS_NGINX = existsSync(BINARY) || process.env.REQUIRE_ALL === '1';

export interface NginxOptions {
  /** Where the tracker is: `http://127.0.0.1:1234`. */
  readonly upstream: string;
  readonly bearer: string;
  /** More changes to the site, each of a text that stands in it exactly once. */
  readonly changes?: readonly (readonly [from: string, to: string])[];
}

export interface Nginx {
  readonly port: number;
  /** Where the site is served, without the prefix. */
  readonly url: string;
  /** Lines of the error log from `error` up. */
  errors(): Promise<string[]>;
  stop(): Promise<void>;
}

function changed(site: string, changes: NonNullable<NginxOptions['changes']>): string {
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the site must hold exactly once: ${from}`);
    return text.replace(from, () => to);
  }, site);
}

/** The site as it is delivered, but for the addresses, in an nginx of its own. */
export async function startNginx({ upstream, bearer, changes = [] }: NginxOptions): Promise<Nginx> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-nginx-'));
  // Its workers are another user's when root starts it.
  await chmod(folder, 0o755);
  const secrets = join(folder, 'nself-slo-tracker.secrets.conf');
  await writeFile(secrets, `set $slo_tracker_bearer "${bearer}";\n`);
  const site = changed(await readFile(SITE, 'utf8'), [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['http://plugin-nself-slo-tracker:3835;', `${upstream};`],
    ['include /etc/nginx/secrets/nself-slo-tracker*.conf', `include ${secrets}`],
    ...changes,
  ]);
  await mkdir(join(folder, 'sites'));
  await writeFile(join(folder, 'sites', 'nself-slo-tracker.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(' ');
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')} warn;
     events { worker_connections 512; }
     http { access_log off; ${temporary} include ${join(folder, 'sites')}/*.conf; }\n`,
  );
  const child = spawn(
    BINARY,
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await started(child, url);
  return {
    port,
    url,
    errors: async () => (await readFile(join(folder, 'error.log'), 'utf8')).split('\n').filter(Boolean),
    async stop() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      if (child.kill('SIGTERM')) await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function started(child: ChildProcess, url: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  child.once('error', (error) => {
    said += error.message;
  });
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null || child.pid === undefined) break;
    const answers = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`nginx did not start: ${said}`);
}
