import type { ServiceError } from '../../lib/errors.ts';
import { InvalidJwtError } from '../auth/invalid-jwt-error.ts';
import { headersOfError, statusOfError } from '../service-error-answer.ts';

/** An error that stands for the whole answer. */
export interface WholeError {
  readonly status: number;
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request that did not get as far as a document: an error and no data. */
export function errorResponse({ status, message, extensions, headers = {} }: WholeError): Response {
  return Response.json({ errors: [{ message, extensions }] }, { status, headers });
}

/** Why nobody was found behind a request's credentials. A faulty JWT is reported the way Hasura does. */
export function refusal(error: ServiceError): Response {
  const { code, message } = error;
  return errorResponse({
    status: statusOfError(error),
    message,
    extensions:
      error instanceof InvalidJwtError ? { path: '$', code: 'invalid-jwt' } : { code: code.toUpperCase() },
    headers: headersOfError(error),
  });
}
