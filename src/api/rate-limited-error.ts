import { ServiceError } from '../lib/errors.ts';

/** Too many requests; the faces answer with `Retry-After`. */
export class RateLimitedError extends ServiceError {
  /** At least 1. */
  readonly retryAfterSeconds: number;

  constructor(message: string, retryInMs: number) {
    super('rate_limited', message);
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryInMs / 1000));
  }
}
