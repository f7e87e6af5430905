import type { Logger } from 'pino';
import { z } from 'zod';
import { ServiceError } from '../../lib/errors.ts';
import { headersOfError, statusOfError } from '../service-error-answer.ts';

export const errorSchema = z
  .strictObject({
    error: z.string().meta({ description: 'A sentence for people.' }),
    code: z.string().meta({ description: 'A word for programs.', example: 'invalid' }),
    details: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .meta({ description: 'What went wrong where: `path` as in `objectives[0].target`.' }),
  })
  .meta({ id: 'Error' });

export interface ErrorAnswer {
  readonly status: number;
  readonly body: Readonly<z.infer<typeof errorSchema>>;
  readonly headers: Readonly<Record<string, string>>;
}

export const NO_SUCH_PATH: ErrorAnswer = errorAnswer(404, 'not_found', 'There is nothing at this path.');
export const WRONG_METHOD: ErrorAnswer = errorAnswer(
  405,
  'method_not_allowed',
  'This path does not take this method; see the header Allow.',
);

export interface FailureContext {
  readonly requestId: string;
  readonly logger: Logger;
  /** The client is gone: what fails then is its doing. */
  readonly aborted: boolean;
}

/** The one place that turns what was thrown into an answer. What is not a ServiceError stays in the log. */
export function answerFailure(failure: unknown, { requestId, logger, aborted }: FailureContext): ErrorAnswer {
  if (failure instanceof ServiceError) {
    if (failure.code === 'unavailable') logger.warn({ err: failure, requestId }, 'not available');
    const body = { error: failure.message, code: failure.code, details: [...failure.details] };
    return { status: statusOfError(failure), body, headers: headersOfError(failure) };
  }
  if (aborted) return errorAnswer(400, 'malformed', 'The request was cut off.');
  logger.error({ err: failure, requestId }, 'request failed');
  return errorAnswer(500, 'internal', `Something went wrong on our side. The request's id is ${requestId}.`);
}

function errorAnswer(status: number, code: string, error: string): ErrorAnswer {
  return { status, body: { error, code, details: [] }, headers: {} };
}
