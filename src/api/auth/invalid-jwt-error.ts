import { ServiceError } from '../../lib/errors.ts';

/** A JWT that did not verify, with the reason in Hasura's words. */
export class InvalidJwtError extends ServiceError {
  constructor(word: string, cause?: unknown) {
    super('unauthorized', `Could not verify JWT: ${word}`, { cause });
  }
}
