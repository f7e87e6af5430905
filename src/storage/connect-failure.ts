import pg from 'pg';
import { StartError } from '../lib/errors.ts';

/** Host, port and database of a URL: what a person needs to find the server, and no secret. */
function placeOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const host = searchParams.get('host') ?? (hostname === '' ? 'localhost' : hostname);
    return `${host}:${port === '' ? '5432' : port}${pathname}`;
  } catch {
    return 'the server';
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) {
    switch (error.code) {
      case '28P01':
        return 'the server refuses the password';
      case '28000':
        return `the server refuses the user (${error.message})`;
      case '3D000':
        return `${error.message}: create it first`;
      case '53300':
        return 'the server has no connection left';
      case '57P03':
        return `the server is not ready (${error.message})`;
    }
  }
  // A host with several addresses fails with one error an address.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? (first.message.split('\n')[0] ?? first.name) : 'unknown reason';
}

/** A connection that failed, as one line naming DATABASE_URL and never its password. */
export function connectFailure(url: string, error: unknown): StartError {
  return new StartError(`DATABASE_URL: no PostgreSQL can be used at ${placeOf(url)}: ${reasonOf(error)}`, 1, {
    cause: error,
  });
}
