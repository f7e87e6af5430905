import { SECOND_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';

const MIB = 1024 * 1024;

/** A body may take so long, and for what it brings as long as at this rate: a trickle holds nobody up. */
const PATIENCE_MS = 20 * SECOND_MS;
const LEAST_BYTES_PER_MS = 16;

const SMALL_BYTES = 64 * 1024;

const tooSlow = (): ServiceError => new ServiceError('malformed', 'The body did not arrive in time.');

export interface ReadBodyOptions {
  /** In bytes. */
  readonly limit: number;
  readonly patienceMs?: number;
}

/**
 * The whole body. Throws a ServiceError `too_large` as soon as that is known, with no more than `limit` bytes
 * held, and `malformed` for a body that is cut off or comes too slowly.
 */
export async function readBody(
  request: Request,
  { limit, patienceMs = PATIENCE_MS }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new ServiceError('too_large', `The body is larger than ${limit / MIB} MiB, the limit of this endpoint.`);
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > limit) throw tooLarge();
  // Of a length that HTTP holds it to: as one piece, which spares a stream, a third of a small request's work.
  if (announced <= SMALL_BYTES) {
    const body = await within(patienceMs, request.arrayBuffer());
    if (body === 'late') throw tooSlow();
    return new Uint8Array(body);
  }
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  // What else the client sends is dropped unread; nothing waits for that.
  const leave = () => void reader.cancel().catch(() => undefined);
  const chunks: Uint8Array[] = [];
  const startedAt = performance.now();
  let size = 0;
  for (;;) {
    const restMs = startedAt + patienceMs + size / LEAST_BYTES_PER_MS - performance.now();
    const read = await within(restMs, reader.read());
    if (read === 'late') {
      leave();
      throw tooSlow();
    }
    if (read.done) return Buffer.concat(chunks, size);
    size += read.value.byteLength;
    if (size > limit) {
      leave();
      throw tooLarge();
    }
    chunks.push(read.value);
  }
}

async function within<T>(ms: number, reading: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.max(0, ms));
  });
  try {
    return await Promise.race([reading, late]);
  } catch (cause) {
    throw new ServiceError('malformed', 'The body was cut off.', { cause });
  } finally {
    clearTimeout(timer);
  }
}
