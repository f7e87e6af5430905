import { z } from 'zod';
import { bundleService } from '../../scripts/bundle-service.mjs';
import { type Program, startProgram, temporaryDirectory } from './processes.ts';

const SECRET = 'secret-of-the-benchmarks';

export interface ServiceOptions {
  readonly databaseUrl: string;
  /** The program of Node.js; the one that runs the bench when left out. */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Service {
  readonly url: string;
  readonly program: Program;
  /** What each request carries. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sends a request; answers its JSON. Rejects when the answer is not a good one. */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
}

const readySchema = z.object({ url: z.string() });

/** Starts the service in a process of its own, as `npm start` does. */
export async function startService({ databaseUrl, node, env = {} }: ServiceOptions): Promise<Service> {
  const home = await temporaryDirectory();
  const program = startProgram({
    ...(node === undefined ? {} : { command: node }),
    args: ['--max-semi-space-size=16', await bundleService()],
    env: {
      HOME: home,
      DATA_DIR: home,
      PORT: '0',
      DATABASE_URL: databaseUrl,
      PLUGIN_SECRET: SECRET,
      RATE_LIMIT: 'off',
      ...env,
    },
  });
  const { url } = readySchema.parse(JSON.parse(await program.line(/"msg":"ready"/)));
  const headers = { authorization: `Bearer ${SECRET}` };
  return {
    url,
    program,
    headers,
    async request(method, path, body) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text);
    },
  };
}
