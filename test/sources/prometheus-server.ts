import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../src/lib/free-port.ts';

const BINARY = '/usr/bin/prometheus';
const run = promisify(execFile);

/** Whether the tests with the real Prometheus run. With REQUIRE_ALL=1 they do, and fail where there is none. */
export const HAS_PROMETHEUS = existsSync(BINARY) || process.env.REQUIRE_ALL === '1';

export interface PrometheusServer {
  readonly url: string;
  start(): Promise<void>;
  /** Without any warning. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

/** A Prometheus that holds the given samples, in OpenMetrics text without its end, and scrapes nothing. */
export async function createPrometheusServer(openMetrics: string): Promise<PrometheusServer> {
  const dir = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-prometheus-'));
  await writeFile(join(dir, 'samples'), `${openMetrics}# EOF\n`);
  await writeFile(join(dir, 'prometheus.yml'), '{}\n');
  const data = join(dir, 'data');
  await run('/usr/bin/promtool', ['tsdb', 'create-blocks-from', 'openmetrics', join(dir, 'samples'), data]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const kill = async (): Promise<void> => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  return {
    url,
    kill,
    async start() {
      child = spawn(
        BINARY,
        [
          `--config.file=${join(dir, 'prometheus.yml')}`,
          `--storage.tsdb.path=${data}`,
          '--storage.tsdb.retention.time=100y',
          `--web.listen-address=127.0.0.1:${port}`,
          '--log.level=error',
        ],
        { stdio: 'ignore' },
      );
      for (let i = 0; i < 300; i += 1) {
        const ready = await fetch(`${url}/-/ready`).catch(() => null);
        if (ready?.status === 200) return;
        await sleep(100);
      }
      throw new Error('Prometheus did not become ready');
    },
    async remove() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
