import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/api/read-body.ts';
import { ServiceError } from '../../src/lib/errors.ts';

function request(body: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request {
  // A body that is a stream needs `duplex`, which the types do not know.
  return new Request(
    'http://localhost/',
    Object.assign({ method: 'POST', headers, body }, { duplex: 'half' }),
  );
}

const failureOf = (reading: Promise<unknown>): Promise<unknown> =>
  reading.then(
    () => 'read',
    (error: unknown) => (error instanceof ServiceError ? `${error.code}: ${error.message}` : error),
  );

/** Chunks of a kilobyte, one each time somebody reads. */
function kilobytes(count: number): { stream: ReadableStream<Uint8Array>; sent: () => number } {
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      controller.enqueue(new Uint8Array(1024).fill(0x61));
      if (sent === count) controller.close();
    },
  });
  return { stream, sent: () => sent };
}

describe('a body', () => {
  it('is read whole, up to the last byte of its limit', async () => {
    const body = await readBody(request(kilobytes(4).stream), { limit: 4096 });
    expect(body.byteLength).toBe(4096);
    expect(Buffer.from(body).toString()).toBe('a'.repeat(4096));
  });

  it('that says its length is refused before it is read', async () => {
    const { stream, sent } = kilobytes(1_000_000);
    const failure = await failureOf(readBody(request(stream, { 'content-length': '4097' }), { limit: 4096 }));
    expect(failure).toMatch(/^too_large: /);
    expect(sent()).toBeLessThan(3);
  });

  it('that does not is read no further than its limit', async () => {
    const { stream, sent } = kilobytes(1_000_000);
    expect(await failureOf(readBody(request(stream), { limit: 4096 }))).toMatch(/^too_large: /);
    expect(sent()).toBeLessThan(10);
  });

  it('that stands still is given up', async () => {
    const stream = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(new Uint8Array(1)) });
    const startedAt = performance.now();
    expect(await failureOf(readBody(request(stream), { limit: 4096, patienceMs: 200 }))).toBe(
      'malformed: The body did not arrive in time.',
    );
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('that trickles is given up too, however many bytes come in time', async () => {
    let timer: NodeJS.Timeout | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 10);
      },
      cancel: () => clearInterval(timer),
    });
    expect(await failureOf(readBody(request(stream), { limit: 4096, patienceMs: 200 }))).toBe(
      'malformed: The body did not arrive in time.',
    );
    clearInterval(timer);
  });

  it('that is cut off is malformed', async () => {
    const stream = new ReadableStream<Uint8Array>({ start: (c) => c.error(new Error('reset')) });
    expect(await failureOf(readBody(request(stream), { limit: 4096 }))).toBe(
      'malformed: The body was cut off.',
    );
  });
});
