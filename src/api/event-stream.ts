import { SECOND_MS } from '../lib/duration.ts';

/** One event of a `text/event-stream`; `data` is sent as JSON. */
export interface ServerSentEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** How long a browser waits before it connects again. */
const RETRY_MS = 3 * SECOND_MS;
/** Within the idle timeouts of proxies, which commonly begin at 30 s. */
const HEARTBEAT_MS = 12 * SECOND_MS;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // nginx would otherwise collect a page before it passes anything on.
  'X-Accel-Buffering': 'no',
};

/**
 * The events as they come, some at a time, as fast as they are read: the next are asked for when those before have left.
 * Comments in between show that the connection stands. Without events it answers with the headers alone.
 */
export function eventStream(events: AsyncIterableIterator<readonly ServerSentEvent[]> | null): Response {
  if (events === null) return new Response(null, { headers: HEADERS });
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
      heartbeat = setInterval(() => {
        // 0 while the reader is behind: then there is no silence to break.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(':\n\n'));
      }, HEARTBEAT_MS);
    },
    async pull(controller) {
      const { done, value } = await events.next();
      if (done === true) {
        clearInterval(heartbeat);
        controller.close();
      } else {
        controller.enqueue(encoder.encode(value.map(textOf).join('')));
      }
    },
    async cancel() {
      clearInterval(heartbeat);
      await events.return?.();
    },
  });
  return new Response(body, { headers: HEADERS });
}

function textOf({ event, id, data }: ServerSentEvent): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
