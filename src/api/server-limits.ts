import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';

/** What one client may hold of the server. */
export interface ServerLimits {
  /** Headers that come byte by byte, and a connection that says nothing, last no longer than this. */
  readonly headersTimeoutMs: number;
  /** How often that is looked at. */
  readonly checkMs: number;
  /** A body may take as long as it likes (streams of measurements), but not stand still for longer than this. */
  readonly idleTimeoutMs: number;
  /** How long the rest of a body is waited for once the request has its answer. */
  readonly unreadBodyMs: number;
  /** Connections above this are closed at once; streams and idle ones count. */
  readonly maxConnections: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headersTimeoutMs: 15 * SECOND_MS,
  checkMs: 5 * SECOND_MS,
  idleTimeoutMs: 2 * MINUTE_MS,
  unreadBodyMs: 2 * SECOND_MS,
  maxConnections: 10_000,
};

const WARN_EVERY_MS = MINUTE_MS;

/** Closes what connects above the limit, and says so in the log, once a minute at most. */
export function limitConnections(server: Server, { maxConnections }: ServerLimits, logger: Logger): void {
  server.maxConnections = maxConnections;
  let quiet = false;
  server.on('drop', () => {
    if (quiet) return;
    quiet = true;
    setTimeout(() => {
      quiet = false;
    }, WARN_EVERY_MS).unref();
    logger.warn({ maxConnections }, 'too many connections: new ones are closed');
  });
}

/** A client that has its answer and goes on sending a body, however slowly, loses the connection. */
export function dropUnreadBody(
  request: IncomingMessage,
  response: ServerResponse,
  { unreadBodyMs }: ServerLimits,
): void {
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => {
      if (!request.complete) request.socket.destroy();
    }, unreadBodyMs);
    timer.unref();
    request.once('close', () => clearTimeout(timer));
  });
}
