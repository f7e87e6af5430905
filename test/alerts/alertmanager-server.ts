import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../src/lib/free-port.ts';
import { hasPrograms, scratchDirectory, start } from '../api/prometheus/http-server.ts';

const PROGRAM = 'prometheus-alertmanager';

/** Whether the tests with the real Alertmanager run. */
export const HAS_ALERTMANAGER = hasPrograms(PROGRAM);

const alertsSchema = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    startsAt: z.string(),
    endsAt: z.string(),
    fingerprint: z.string(),
    generatorURL: z.string().optional(),
  }),
);

export interface AlertmanagerServer {
  /** With a path in front, as behind a proxy. */
  readonly url: string;
  start(): Promise<void>;
  /** Without any warning. */
  kill(): Promise<void>;
  /** What fires, as its API says. */
  firing(): Promise<z.infer<typeof alertsSchema>>;
}

/** A real Alertmanager, not started yet, which hands on what it is told to `webhookUrl` at once. */
export async function createAlertmanager(webhookUrl: string): Promise<AlertmanagerServer> {
  const dir = await scratchDirectory();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/behind/a/proxy`;
  await writeFile(
    join(dir, 'alertmanager.yml'),
    `route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '${webhookUrl}', send_resolved: true}]}]
`,
  );
  let child: ReturnType<typeof start> | null = null;
  return {
    url,
    async start() {
      child = start(PROGRAM, [
        `--config.file=${join(dir, 'alertmanager.yml')}`,
        `--storage.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--web.external-url=${url}`,
        '--cluster.listen-address=',
        '--log.level=error',
      ]);
      const isReady = () => fetch(`${url}/-/ready`).then(({ ok }) => ok);
      await expect.poll(() => isReady().catch(() => false), { timeout: 60_000, interval: 50 }).toBe(true);
    },
    async kill() {
      if (child === null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async firing() {
      const answer = await fetch(`${url}/api/v2/alerts`);
      return alertsSchema.parse(await answer.json());
    },
  };
}
