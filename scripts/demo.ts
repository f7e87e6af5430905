import { ownUrl } from '../src/cli/own-url.ts';
import { progressBar } from '../src/cli/progress-bar.ts';
import { type Config, loadConfig } from '../src/config.ts';
import { keepDevelopmentSecrets } from '../src/development-secrets.ts';
import { systemClock } from '../src/lib/clock.ts';
import { DAY_MS, HOUR_MS } from '../src/lib/duration.ts';
import { StartError } from '../src/lib/errors.ts';
import { freePort } from '../src/lib/free-port.ts';
import { whenParentEnds } from '../src/lib/when-parent-ends.ts';
import { createFeed } from './demo/feed-live.ts';
import { fillSample } from './demo/fill-sample.ts';
import { guide } from './demo/guide.ts';
import { knownSlos } from './demo/known-slos.ts';
import { type DemoOptions, demoOptions } from './demo/options.ts';
import { overview } from './demo/overview.ts';
import { OWN_SOURCE } from './demo/sample-slo.ts';
import { type ServiceProcess, startService } from './demo/service-process.ts';
import { createTracker } from './demo/tracker.ts';

/** `npm run demo`: the service as `npm start` runs it, filled with a sample over its public API, and measured on. */

/** Ctrl-C reaches us from the terminal and once more through npm: within this time that is one signal. */
const SAME_SIGNAL_MS = 300;

const note = (text: string): void => void process.stderr.write(text);

async function readConfig(): Promise<Config> {
  const config = loadConfig(keepDevelopmentSecrets);
  if (config.production) throw new StartError('NODE_ENV: expected anything but production for a demo', 78);
  return config.port === 0 ? { ...config, port: await freePort() } : config;
}

/** What the service is started with: everything as it is set, and a source that is the tracker itself. */
function serviceEnvironment(config: Config): NodeJS.ProcessEnv {
  const own = {
    url: `${ownUrl(config)}/api/prometheus/v1`,
    headers: { Authorization: `Bearer ${config.pluginSecret}`, 'X-Hasura-Role': 'viewer' },
    accounts: ['primary'],
  };
  return {
    LOG_LEVEL: 'error',
    // Enough for dashboards.
    PROMETHEUS_RATE_LIMIT: '1000/2000',
    ...process.env,
    DATA_DIR: config.dataDir,
    PORT: String(config.port),
    PROMETHEUS_SOURCES: JSON.stringify({ ...config.prometheusSources, [OWN_SOURCE]: own }),
  };
}

/** Fills, and then measures on until the signal. */
async function runDemo(config: Config, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const url = ownUrl(config);
  const tracker = createTracker({ url, pluginSecret: config.pluginSecret, signal });
  const bar = progressBar(note);
  const { slos, nextMs } = await fillSample(tracker, {
    seed: options.seed,
    historyMs: Math.min(options.days * DAY_MS, config.retentionMs - HOUR_MS),
    nowMs: systemClock.now(),
    onProgress: bar.show,
  }).finally(bar.end);
  const feed = createFeed(tracker, {
    slos,
    nextMs,
    now: () => systemClock.now(),
    onError: (error) => note(`the minute was not measured, and is tried again: ${lineOf(error)}\n`),
  });
  await feed.catchUp();
  const known = await knownSlos(tracker);
  console.log(guide({ url, pluginSecret: config.pluginSecret, overview: overview(known.values()) }));
  await feed.run(signal);
}

function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls `onStop` for each signal to stop, and when npm is gone. */
function handleStops(onStop: () => void): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  const once = (): void => {
    const sinceMs = performance.now() - lastMs;
    if (sinceMs <= SAME_SIGNAL_MS) return;
    lastMs = performance.now();
    onStop();
  };
  process.on('SIGINT', once);
  process.on('SIGTERM', once);
  process.on('SIGHUP', once);
  whenParentEnds(once);
}

async function main(): Promise<number> {
  const stopped = new AbortController();
  let service: ServiceProcess | null = null;
  handleStops(() => {
    stopped.abort();
    service?.stop();
  });
  try {
    const options = demoOptions(process.env);
    const config = await readConfig();
    if (stopped.signal.aborted) return 0;
    note('Starting the tracker; the first time it makes its database.\n');
    service = startService(serviceEnvironment(config));
    if (!(await service.ready)) return await service.ended;
    await Promise.race([runDemo(config, options, stopped.signal), service.ended]);
    if (!stopped.signal.aborted) note('the tracker has ended\n');
  } catch (error) {
    if (!stopped.signal.aborted) {
      note(`${error instanceof StartError ? '' : 'Unexpected failure: '}${lineOf(error)}\n`);
      service?.stop();
      await service?.ended;
      return error instanceof StartError ? error.exitCode : 1;
    }
  }
  const code = (await service?.ended) ?? 0;
  return code;
}

process.exit(await main());
