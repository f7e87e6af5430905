/** The closed set of failures that a service may report. Each face maps it once. */
export type ServiceErrorCode =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'license_stale'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'unsupported_media_type'
  | 'invalid'
  | 'rate_limited'
  | 'unavailable';

/** One fault in an input: `path` as in `objectives[0].target`, `''` for the whole. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

/** A failure that the caller may read. Everything else is masked by the faces. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;
  readonly details: readonly ErrorDetail[];

  constructor(
    code: ServiceErrorCode,
    message: string,
    options: { cause?: unknown; details?: readonly ErrorDetail[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}

/** A start that cannot succeed. `main` prints the message in one line and exits with `exitCode`. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly exitCode: 1 | 78;

  constructor(message: string, exitCode: 1 | 78, options?: { cause: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
