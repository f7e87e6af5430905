/**
 * Does work that its signal calls off: with the client's reason when the client goes away, and with a TimeoutError
 * once the time is over. A millisecond, the least that is told apart, is over before a timer could tell.
 */
export async function withDeadline<T>(
  { client, timeoutMs }: { readonly client: AbortSignal; readonly timeoutMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const leave = (): void => controller.abort(client.reason);
  const expire = (): void => controller.abort(new DOMException('The time is over.', 'TimeoutError'));
  client.addEventListener('abort', leave);
  const timer = timeoutMs > 1 ? setTimeout(expire, timeoutMs) : undefined;
  if (client.aborted) leave();
  else if (timer === undefined) expire();
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    client.removeEventListener('abort', leave);
  }
}
