import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request as it came out of nginx. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Name and value after one another, as sent. */
  readonly rawHeaders: readonly string[];
  /** The values of all headers of the name, in whatever spelling. */
  values(name: string): string[];
}

export interface Mirror {
  readonly url: string;
  readonly port: number;
  /** Everything since the last look, verifications left out. */
  seen(): Seen[];
  /** Verifications since the last look. */
  verifications(): Seen[];
  stop(): Promise<void>;
}

export interface MirrorOptions {
  /** The answer to a verification: the account `acme`, a viewer, when left out. */
  readonly verify?: (request: IncomingMessage, response: ServerResponse) => void;
  /** The answer to anything else: an empty object when left out. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Socket) => void;
}

const asViewer = (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, {
    'X-Source-Account-Id': 'acme',
    'X-Hasura-Role': 'viewer',
    'X-Hasura-User-Id': 'u-1',
  });
  response.end();
};

const empty = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume().once('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end('{}');
  });
};

function seenOf({ method = '', url = '', rawHeaders }: IncomingMessage): Seen {
  return {
    method,
    url,
    rawHeaders,
    values: (name) =>
      rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name.toLowerCase()),
  };
}

/** Stands where the tracker does, and remembers what nginx makes of requests. */
export async function startMirror(options: MirrorOptions = {}): Promise<Mirror> {
  const { verify = asViewer, answer = empty, upgrade } = options;
  const seen: Seen[] = [];
  const verifications: Seen[] = [];
  const server: Server = createServer((request, response) => {
    const isVerification = request.url === '/auth/verify';
    (isVerification ? verifications : seen).push(seenOf(request));
    (isVerification ? verify : answer)(request, response);
  });
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket: Socket) => {
      seen.push(seenOf(request));
      upgrade(request, socket);
    });
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen: () => seen.splice(0),
    verifications: () => verifications.splice(0),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
