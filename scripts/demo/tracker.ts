import { z } from 'zod';
import { StartError } from '../../src/lib/errors.ts';

/** The tracker has refused something. */
export class TrackerError extends StartError {
  readonly status: number;

  constructor(path: string, status: number, answer: string) {
    super(`the tracker answered ${path} with status ${status}: ${answer}`, 1);
    this.status = status;
  }
}

/** A running tracker, asked over its public API as an administrator of the account `primary`. */
export interface Tracker {
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
  /** Pushes lines of NDJSON as they are made; every line has to be accepted. */
  push(lines: Iterable<string>): Promise<void>;
}

export interface TrackerOptions {
  readonly url: string;
  readonly pluginSecret: string;
  /** Ends the requests under way. */
  readonly signal: AbortSignal;
}

/** Lines that are handed over together. */
const LINES_A_PART = 1000;

const pushedSchema = z.object({
  rejected: z.number(),
  errors: z.array(z.object({ line: z.number(), message: z.string() })),
});

export function createTracker({ url, pluginSecret, signal }: TrackerOptions): Tracker {
  async function ask(path: string, init: RequestInit, type?: string): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      ...init,
      signal,
      headers: {
        authorization: `Bearer ${pluginSecret}`,
        ...(type === undefined ? {} : { 'content-type': type }),
      },
    }).catch((cause: unknown) => {
      throw new StartError('the tracker does not answer', 1, { cause });
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new TrackerError(path, response.status, text);
  }

  return {
    get: (path) => ask(path, {}),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }, 'application/json'),
    async push(lines) {
      const init = { method: 'POST', body: bodyOf(lines), duplex: 'half' } as const;
      const { rejected, errors } = pushedSchema.parse(
        await ask('/api/v1/measurements', init, 'application/x-ndjson'),
      );
      if (rejected > 0) throw new StartError(`points were refused: ${errors[0]?.message ?? rejected}`, 1);
    },
  };
}

/** A stream that makes its lines as they are asked for. */
function bodyOf(lines: Iterable<string>): ReadableStream<Uint8Array> {
  const iterator = lines[Symbol.iterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const part: string[] = [];
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        part.push(next.value);
        if (part.length === LINES_A_PART) break;
      }
      if (part.length > 0) controller.enqueue(encoder.encode(`${part.join('\n')}\n`));
      if (part.length < LINES_A_PART) controller.close();
    },
  });
}
