import { type SQL, sql } from 'drizzle-orm';
import { shardSql } from './shard-share.ts';

/** Rows of np_slos whose account falls into the virtual shards; no condition for null, which means all. */
export function inShards(shards: readonly number[] | null): SQL | undefined {
  return shards === null
    ? undefined
    : sql`${sql.raw(shardSql('np_slos.source_account_id'))} = ANY(${sql.param([...shards])}::int[])`;
}
