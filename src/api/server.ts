import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import type { Logger } from 'pino';
import { SECOND_MS } from '../lib/duration.ts';
import { StartError } from '../lib/errors.ts';
import { dropUnreadBody, limitConnections, SERVER_LIMITS, type ServerLimits } from './server-limits.ts';
import { TextResponse } from './text-response.ts';

/** `env` brings Node's own request, for the peer's address. */
export type Fetch = (request: Request, env: HttpBindings) => Response | Promise<Response>;

/** Takes over a connection whose request asked for a WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly logger: Logger;
  /** Left out: `SERVER_LIMITS`. */
  readonly limits?: ServerLimits;
  /** Left out: a request for a WebSocket is answered as any other. */
  readonly upgrade?: Upgrade;
}

export interface RunningHttpServer {
  readonly port: number;
  /** Takes no new connection, waits for the requests under way, and cuts those that last longer. */
  close(patienceMs: number): Promise<void>;
}

const MAX_HEADER_BYTES = 16 * 1024;
/** Longer than nginx keeps its upstream connections (60 s), so that it never writes into a closed one. */
const KEEP_ALIVE_TIMEOUT_MS = 65 * SECOND_MS;
const CLOSE_POLL_MS = 50;
const PORT_ATTEMPTS = 8;
const PORT_RETRY_MS = 250;

/** What a socket gets that did not send HTTP, by Node's error code. */
const SOCKET_ANSWERS: Readonly<Record<string, readonly [status: string, code: string, error: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too_large', 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    '413 Payload Too Large',
    'too_large',
    'The chunk extensions are too large.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'malformed', 'The request did not arrive in time.'],
};
const NOT_HTTP = ['400 Bad Request', 'malformed', 'The request is not valid HTTP.'] as const;

function answerSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = SOCKET_ANSWERS[error.code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify({ error: message, code, details: [] });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function listenFailure(error: NodeJS.ErrnoException, { host, port }: ServerOptions): StartError {
  const cause = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(
        `PORT: expected a free port (got ${port}, which is taken on ${host}): stop what listens there, or set ` +
          'PORT to another one',
        1,
        cause,
      );
    case 'EACCES':
      return new StartError(`PORT: expected a port that this user may open (got ${port})`, 1, cause);
    default:
      return new StartError(
        `HOST: expected an address of this machine (got ${host}: ${error.code ?? error.message})`,
        1,
        cause,
      );
  }
}

function listen(server: Server | TcpServer, options: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(error, options)));
    server.listen(options.port, options.host, resolve);
  });
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof StartError ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

/**
 * Finds out early, before a database is started, whether the port can be had. A service that is just stopping
 * gets two seconds to free it. Throws a StartError.
 */
export async function checkPort(options: ServerOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const probe = createTcpServer();
    try {
      await listen(probe, options);
      await new Promise((resolve) => probe.close(resolve));
      return;
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !isTaken(error)) throw error;
      await sleep(PORT_RETRY_MS);
    }
  }
}

function onFault(error: unknown, logger: Logger): Response {
  if (error instanceof RequestError) {
    return Response.json(
      { error: 'The request line or the Host header is not valid.', code: 'malformed', details: [] },
      { status: 400 },
    );
  }
  logger.error({ err: error }, 'a request failed outside of the application');
  return Response.json({ error: 'Something went wrong.', code: 'internal', details: [] }, { status: 500 });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A silent connection is ours to answer for while a body lies here unread, or an answer is being made. */
function isWaitingForUs(exchange: Exchange | undefined): boolean {
  if (exchange === undefined) return false;
  const { request, response } = exchange;
  return request.complete ? !response.headersSent : request.readableLength > 0;
}

/**
 * Once a server listens for upgrades, Node hands it every request that asks for one, HTTP/2 included, where RFC
 * 9110 lets us pass over the wish: the same connection, the request in front of it again without its `Upgrade`.
 */
function withoutUpgrade(
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Duplex {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!/^(upgrade|http2-settings|connection)$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  // Header bytes are Latin-1 to Node.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  return socket;
}

/** Tells the adapter that there is nothing left to send. */
const SENT = new Response(null, { headers: { 'x-hono-already-sent': 'true' } });

/** In one piece, which spares the stream that the adapter would read it from. */
function sendText(outgoing: ServerResponse, { content, status, headers }: TextResponse): Response {
  outgoing.writeHead(status, {
    ...Object.fromEntries(headers),
    'content-length': typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength,
  });
  outgoing.end(content);
  return SENT;
}

/** Serves `fetch` over HTTP. Throws a StartError that names PORT or HOST. */
export async function startServer(fetch: Fetch, options: ServerOptions): Promise<RunningHttpServer> {
  const { logger, limits = SERVER_LIMITS } = options;
  let closing = false;
  const handle = getRequestListener(
    async (request, bindings) => {
      // Only ever called for HTTP/1.1 here.
      const env = bindings as HttpBindings;
      const response = await fetch(request, env);
      return response instanceof TextResponse ? sendText(env.outgoing, response) : response;
    },
    { overrideGlobalObjects: false, errorHandler: (error) => onFault(error, logger) },
  );
  const exchanges = new WeakMap<Socket, Exchange>();
  const server = createHttpServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (request, response) => {
      exchanges.set(request.socket, { request, response });
      dropUnreadBody(request, response, limits);
      if (closing) response.setHeader('Connection', 'close');
      handle(request, response).catch((error: unknown) => {
        logger.error({ err: error }, 'a response failed');
        response.destroy();
      });
    },
  );
  limitConnections(server, limits, logger);
  server.setTimeout(limits.idleTimeoutMs, (socket) => {
    if (!isWaitingForUs(exchanges.get(socket))) socket.destroy();
  });
  server.on('clientError', answerSocket);
  const { upgrade } = options;
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket, head) => {
      if (request.headers.upgrade?.toLowerCase() === 'websocket') upgrade(request, socket, head);
      else server.emit('connection', withoutUpgrade(request, socket, head));
    });
  }
  await listen(server, options);
  server.on('error', (error) => logger.error({ err: error }, 'the HTTP server failed'));
  const address = server.address();
  return {
    port: address === null || typeof address === 'string' ? options.port : address.port,
    async close(patienceMs) {
      closing = true;
      const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)));
      for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += CLOSE_POLL_MS) {
        // A keep-alive connection becomes idle when its request under way has its answer.
        server.closeIdleConnections();
        if (await Promise.race([closed, sleep(CLOSE_POLL_MS, false)])) return;
      }
      logger.warn('some requests were still under way and are cut off');
      server.closeAllConnections();
      await closed;
    },
  };
}
