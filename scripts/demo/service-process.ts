import { spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';

const CHECKOUT = join(import.meta.dirname, '../..');
/** As this program runs: from the sources with tsx, or as it is built. */
const SERVICE = [...process.execArgv, join(CHECKOUT, 'src', `main${extname(import.meta.filename)}`)];
/** What the service writes to standard output once it serves, whatever its log level. */
const READY = /^nself-slo-tracker is ready\.$/;

/** The service, running beside the demo as `npm start` runs it. */
export interface ServiceProcess {
  /** True once it serves; false when it has ended before, and has said why on standard error. */
  readonly ready: Promise<boolean>;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** Asks it to stop; told again, it stops at once. */
  stop(): void;
}

/**
 * Starts the service in a process of its own. Its log goes to standard error; what it tells newcomers is left out,
 * since the demo has its own.
 */
export function startService(environment: NodeJS.ProcessEnv): ServiceProcess {
  const child = spawn(process.execPath, SERVICE, {
    cwd: CHECKOUT,
    // Under this name it ends by itself when the process that started it is gone.
    env: { ...environment, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that Ctrl-C reaches it once, from us.
    detached: true,
  });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('close', (code) => resolve(code ?? 1));
  });
  const served = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (READY.test(line)) resolve(true);
      else if (line.startsWith('{')) process.stderr.write(`${line}\n`);
    });
  });
  return {
    ready: Promise.race([served, ended.then(() => false)]),
    ended,
    stop: () => void child.kill('SIGTERM'),
  };
}
