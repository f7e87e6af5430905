import { SECOND_MS } from '../lib/duration.ts';

/** What a receiver says of one request. `error` is a sentence of ours: never what the receiver has answered. */
export type SendResult =
  | { readonly kind: 'taken' }
  /** It does not want this body, now or later. */
  | { readonly kind: 'refused'; readonly error: string }
  /** It is not well, or not set up well. `retryAfterMs`: how long it asks to be left alone. */
  | { readonly kind: 'failed'; readonly error: string; readonly retryAfterMs: number }
  /** `signal` has cut it short. */
  | { readonly kind: 'cut' };

export interface AlertPost {
  /** Without user and password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export interface PostOptions {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

const LONGEST_RETRY_AFTER_MS = 3600 * SECOND_MS;
/** Nothing but another body would help. What is missing here is a matter of address, credentials, or load. */
const REFUSALS: ReadonlySet<number> = new Set([400, 406, 409, 410, 411, 413, 414, 415, 416, 422, 431, 451]);

/** Posts to a receiver of alerts. Does not throw. */
export async function postAlert(
  { url, headers, body }: AlertPost,
  { nowMs, signal, timeoutMs }: PostOptions,
): Promise<SendResult> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      // Credentials and alerts go nowhere else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
    });
    // The status decides; a body may be long, or never end.
    await response.body?.cancel().catch(() => undefined);
    return resultOf(response, nowMs);
  } catch (error) {
    if (signal.aborted) return { kind: 'cut' };
    const why = timeout.aborted ? `did not answer within ${timeoutMs / SECOND_MS} s` : unreachable(error);
    return { kind: 'failed', error: why, retryAfterMs: 0 };
  }
}

function resultOf({ status, ok, headers }: Response, nowMs: number): SendResult {
  if (ok) return { kind: 'taken' };
  if (REFUSALS.has(status)) return { kind: 'refused', error: `refused it with status ${status}` };
  const error =
    status >= 300 && status < 400
      ? `answered with a redirect (${status}), which is not followed`
      : `answered with status ${status}`;
  return { kind: 'failed', error, retryAfterMs: retryAfterMs(headers.get('retry-after'), nowMs) };
}

/** Seconds or an HTTP date; 0 for none, and never more than an hour. */
export function retryAfterMs(text: string | null, nowMs: number): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * SECOND_MS : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? 0 : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
}

/** The system's word for it, such as ECONNREFUSED, and nothing else of the error: it may name the address. */
function unreachable(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  // Its code differs between versions of Node.js.
  if (cause instanceof Error && cause.name === 'HTTPParserError')
    return 'answered with something that is not HTTP';
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^[A-Z][A-Z0-9_]+$/.test(code) ? `cannot be reached (${code})` : 'cannot be reached';
}
