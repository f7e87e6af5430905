import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs } from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { atInstant } from '../../lib/at-instant.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Courtesy } from '../../lib/courtesy.ts';
import { SECOND_MS } from '../../lib/duration.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { AuthenticatedActor } from '../auth/credential.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import type { ResolveConnection } from '../auth/resolve-connection.ts';
import type { Graphql, PreparedOperation } from './create-graphql.ts';
import { tooMuch } from './limits.ts';
import { upgradeRequest } from './socket-request.ts';
import { close, closeAll, keepAlive, refuse, send } from './socket-transport.ts';

export interface GraphqlSockets {
  /** Takes over a connection whose request asked for a WebSocket at `/graphql`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** How many are open at this moment. */
  readonly open: number;
  /** Says 1001 to all, takes no more, and waits a little until they are closed. */
  stop(): Promise<void>;
}

export interface GraphqlSocketsOptions {
  readonly graphql: Graphql;
  readonly courtesy: Courtesy;
  readonly resolveActor: ResolveActor;
  readonly resolveConnection: ResolveConnection;
  /** Throws a ServiceError for a page that may not open a WebSocket. */
  readonly assertMayUpgrade: (request: Request) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Close codes of the protocol graphql-transport-ws and of RFC 6455. */
const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  tryLater: 1013,
  badRequest: 4400,
  forbidden: 4403,
  internal: 4500,
} as const;

const INIT_TIMEOUT_MS = 3 * SECOND_MS;
const MAX_MESSAGE_BYTES = 512 * 1024;
/** What may wait for a peer that does not read. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Sockets that have not said yet who they are. */
const MAX_STRANGERS = 1000;
const MAX_SOCKETS_AN_ACCOUNT = 2000;
const MAX_OPERATIONS_A_SOCKET = 100;

/** What is known of a socket besides itself. */
interface Peer {
  readonly socket: WebSocket;
  readonly request: Request;
  readonly peerAddress: string | undefined;
  /** Null until `connection_init` has said who it is. */
  actor: AuthenticatedActor | null;
}

/** GraphQL over WebSockets, in the protocol graphql-transport-ws. */
export function createGraphqlSockets(options: GraphqlSocketsOptions): GraphqlSockets {
  const { graphql, courtesy, resolveActor, resolveConnection, assertMayUpgrade, clock, logger } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => handleProtocols(offered),
  });
  const socketsOf = new Map<string, number>();
  const operations = new WeakMap<ExecutionArgs, PreparedOperation>();
  let strangers = 0;
  let isStopped = false;

  const protocol = makeServer<Record<string, unknown> | undefined, Peer>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect({ connectionParams: payload, extra: peer }) {
      const { request, peerAddress } = peer;
      admit(peer, await resolveConnection({ request, peerAddress, payload }));
    },
    onSubscribe({ extra: { actor }, subscriptions }, _id, payload) {
      if (actor === null) throw new TypeError('an operation came before its socket was admitted');
      if (Object.keys(subscriptions).length > MAX_OPERATIONS_A_SOCKET) {
        return [tooMuch(`At most ${MAX_OPERATIONS_A_SOCKET} operations can run on one connection.`)];
      }
      // The end of the credentials closes the whole socket: a subscription that ended by itself would look done.
      const { expiresAtMs: _end, ...lasting } = actor;
      const prepared = graphql.prepare(lasting, payload);
      if (!('args' in prepared)) return [...prepared];
      operations.set(prepared.args, prepared);
      return prepared.args;
    },
    execute: (args) => courtesy.answering(() => operationOf(args).execute()),
    subscribe: (args) => operationOf(args).subscribe(),
    onNext(_context, _id, _payload, args, { data, errors }) {
      if (errors === undefined) return;
      const shown = errors.map((error) => operationOf(args).mask(error).toJSON());
      return data === undefined ? { errors: shown } : { data, errors: shown };
    },
  });

  function operationOf(args: ExecutionArgs): PreparedOperation {
    const prepared = operations.get(args);
    if (prepared === undefined) throw new TypeError('an operation was not prepared');
    return prepared;
  }

  function admit(peer: Peer, actor: AuthenticatedActor): void {
    const others = socketsOf.get(actor.accountId) ?? 0;
    if (others >= MAX_SOCKETS_AN_ACCOUNT) {
      throw new ServiceError('rate_limited', 'The account has too many connections open.');
    }
    // It may have closed while its credentials were looked at.
    if (peer.socket.readyState !== peer.socket.OPEN) return;
    socketsOf.set(actor.accountId, others + 1);
    strangers -= 1;
    peer.actor = actor;
    const expiry = atInstant(clock, actor.expiresAtMs, () =>
      close(peer.socket, CLOSE.forbidden, 'The credentials have expired'),
    );
    peer.socket.once('close', () => {
      expiry.cancel();
      const left = (socketsOf.get(actor.accountId) ?? 1) - 1;
      if (left === 0) socketsOf.delete(actor.accountId);
      else socketsOf.set(actor.accountId, left);
    });
  }

  function opened(peer: Peer): void {
    const { socket } = peer;
    strangers += 1;
    keepAlive(socket);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => send(socket, text),
        close: (code = CLOSE.normal, reason = '') => close(socket, code, reason),
        onMessage(take) {
          socket.on('message', (data) => {
            if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
            else take(String(data)).catch((error: unknown) => closeFor(error, socket));
          });
        },
      },
      peer,
    );
    socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
    socket.once('close', (code, reason) => {
      if (peer.actor === null) strangers -= 1;
      closed(code, String(reason)).catch((error: unknown) =>
        logger.error({ err: error }, 'a WebSocket ended badly'),
      );
    });
  }

  function closeFor(error: unknown, socket: WebSocket): void {
    if (!(error instanceof ServiceError)) {
      logger.warn({ err: error }, 'a message over a WebSocket failed');
      close(socket, CLOSE.internal, 'Something went wrong on our side');
    } else if (error.code === 'unavailable' || error.code === 'rate_limited') {
      close(socket, CLOSE.tryLater, error.message);
    } else {
      close(socket, error.code === 'malformed' ? CLOSE.badRequest : CLOSE.forbidden, error.message);
    }
  }

  async function take(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const request = upgradeRequest(incoming);
    if (request === null) {
      throw new ServiceError('malformed', 'The request line or the Host header is not valid.');
    }
    if (new URL(request.url).pathname !== '/graphql') {
      throw new ServiceError('not_found', 'There is no WebSocket at this path.');
    }
    assertMayUpgrade(request);
    const peerAddress = incoming.socket.remoteAddress;
    // A program that sends its credentials with the request learns at once what is wrong with them.
    if (request.headers.has('authorization')) await resolveActor(request, { peerAddress, place: 'upgrade' });
    if (isStopped || strangers >= MAX_STRANGERS) {
      throw new ServiceError('unavailable', 'No more connections are taken now; try again.');
    }
    sockets.handleUpgrade(incoming, socket, head, (opening) =>
      opened({ socket: opening, request, peerAddress, actor: null }),
    );
  }

  return {
    upgrade(request, socket, head) {
      const onError = (): void => {
        socket.destroy();
      };
      socket.on('error', onError);
      take(request, socket, head)
        .catch((error: unknown) => {
          if (error instanceof ServiceError) {
            refuse(socket, error);
            return;
          }
          logger.error({ err: error }, 'a connection could not become a WebSocket');
          socket.destroy();
        })
        .finally(() => socket.off('error', onError));
    },
    get open() {
      return sockets.clients.size;
    },
    async stop() {
      isStopped = true;
      await closeAll([...sockets.clients], CLOSE.goingAway, 'The service is stopping');
    },
  };
}
