import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach } from 'vitest';
import { z } from 'zod';

export interface Recorded {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How the receiver behaves: a status with headers, or something worse, said on the bare connection. */
export type Behaviour =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | 'endless body'
  | 'garbage'
  | 'drop';

export interface RecordingReceiver {
  readonly url: string;
  /** Every request, in the order of arrival, however it was answered. */
  readonly requests: Recorded[];
  /** For the requests from now on. */
  behave(as: Behaviour | ((request: Recorded) => Behaviour | Promise<Behaviour>)): void;
  /** Nobody listens any more. */
  close(): Promise<void>;
}

const running = new Set<RecordingReceiver>();
afterEach(async () => {
  await Promise.all([...running].map((receiver) => receiver.close()));
});

/** An HTTP server that keeps what it is told, and answers 200 unless asked for something else. */
export async function startReceiver(port = 0): Promise<RecordingReceiver> {
  const requests: Recorded[] = [];
  let behaviour: (request: Recorded) => Behaviour | Promise<Behaviour> = () => ({ status: 200 });
  const server: Server = createServer(async (request, response) => {
    const recorded = {
      path: request.url ?? '',
      headers: request.headers,
      body: await text(request).catch(() => ''),
    };
    requests.push(recorded);
    answer(response, await behaviour(recorded));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const receiver: RecordingReceiver = {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    behave(as) {
      behaviour = typeof as === 'function' ? as : () => as;
    },
    async close() {
      running.delete(receiver);
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  running.add(receiver);
  return receiver;
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  switch (behaviour) {
    case 'hang':
      return;
    case 'endless body': {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(1024)), 20);
      response.once('close', () => clearInterval(more));
      return;
    }
    case 'garbage':
      response.socket?.end('\u0000\u0001 not http at all\r\n\r\n');
      return;
    case 'drop':
      response.socket?.destroy();
      return;
    default:
      response.writeHead(behaviour.status, behaviour.headers);
      response.end(behaviour.body ?? '');
  }
}

const toldSchema = z.object({
  name: z.string(),
  severity: z.string(),
  state: z.string(),
  labels: z.record(z.string(), z.string()),
  fingerprint: z.string(),
  message_id: z.string(),
  starts_at: z.string(),
  ends_at: z.string().nullable(),
});

/** What the alert router was told in its first form, in short: `firing default.api/default burn_rate:1h:5m:page`. */
export function toldOf(requests: readonly Recorded[]): string[] {
  return requests.map(({ body }) => {
    const { state, labels } = toldSchema.parse(JSON.parse(body));
    return `${state} ${labels.slo}`;
  });
}
