import { ServiceError } from '../lib/errors.ts';
import { SourceError } from './source-reader.ts';

/** PostgreSQL's own words are for whoever owns the table; they hold names of tables and columns, and no secret. */
const TELLING = /^(42|22|25|0A)/;
const CANCELED = '57014';

/** What a failed read says to an SLO's owner. */
export function databaseFailure(what: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  if (error instanceof ServiceError)
    return new SourceError(`${what}: the database is away`, { cause: error });
  if (!(error instanceof Error)) return new SourceError(`${what} cannot be read`, { cause: error });
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === CANCELED) {
    return new SourceError(`${what} did not answer in time`, { isTooMuch: true, cause: error });
  }
  return new SourceError(
    TELLING.test(code) ? `${what} cannot be read: ${error.message}` : `${what} cannot be read`,
    { cause: error },
  );
}
