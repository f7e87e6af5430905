import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { SECOND_MS } from '../../lib/duration.ts';
import type { ServiceError } from '../../lib/errors.ts';
import { headersOfError, statusOfError } from '../service-error-answer.ts';

/** A peer that answers no ping until the next one is gone. */
const PING_MS = 12 * SECOND_MS;
const CLOSE_TIMEOUT_MS = 2 * SECOND_MS;
/** RFC 6455 has room for 123 bytes. */
const MAX_REASON_BYTES = 123;

/** Resolves when the text has left for the kernel, so that nobody makes more of it before. */
export function send(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) {
      resolve();
      return;
    }
    socket.send(text, (error) => {
      if (!error || socket.readyState !== socket.OPEN) resolve();
      else reject(error);
    });
  });
}

/** Ends a connection whose other end is gone without a word. */
export function keepAlive(socket: WebSocket): void {
  let isAlive = true;
  const timer = setInterval(() => {
    if (!isAlive) {
      socket.terminate();
      return;
    }
    isAlive = false;
    socket.ping();
  }, PING_MS);
  socket.on('pong', () => {
    isAlive = true;
  });
  socket.once('close', () => clearInterval(timer));
}

/** Says goodbye; a reason that is too long is cut. */
export function close(socket: WebSocket, code: number, reason: string): void {
  const bytes = Buffer.from(reason);
  socket.close(
    code,
    bytes.length <= MAX_REASON_BYTES ? bytes : Buffer.from(reason.slice(0, MAX_REASON_BYTES / 3)),
  );
}

/** Says goodbye to all, and waits until they are closed; those that do not answer are cut off. */
export async function closeAll(sockets: readonly WebSocket[], code: number, reason: string): Promise<void> {
  const closed = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        if (socket.readyState === socket.CLOSED) resolve();
        else socket.once('close', () => resolve());
      }),
  );
  for (const socket of sockets) close(socket, code, reason);
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.terminate();
  }, CLOSE_TIMEOUT_MS);
  await Promise.all(closed);
  clearTimeout(timer);
}

/** Answers a request for a WebSocket that is not granted. */
export function refuse(socket: Duplex, error: ServiceError): void {
  const { message, code } = error;
  const body = JSON.stringify({ errors: [{ message, extensions: { code: code.toUpperCase() } }] });
  const headers = {
    ...headersOfError(error),
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${statusOfError(error)} Refused\r\n${lines.join('')}\r\n${body}`);
}
