import type { Database } from './client.ts';

/** What a store of series reads through. */
export type SeriesDatabase = Pick<Database, 'once' | 'tenantSnapshot'>;
