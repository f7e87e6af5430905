/**
 * What a query may fail with: `bad_data` for an expression that does not parse, `execution` for one that cannot
 * be answered, `timeout` and `canceled` when its signal aborted.
 */
export type PromqlErrorKind = 'bad_data' | 'execution' | 'timeout' | 'canceled';

/** A failure whose message the caller may read, worded as Prometheus words it. */
export class PromqlError extends Error {
  override readonly name = 'PromqlError';
  readonly kind: PromqlErrorKind;

  constructor(kind: PromqlErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
  }
}
