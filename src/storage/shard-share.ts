/** Virtual shards that the accounts fall into. All replicas must agree; a power of two. */
export const SHARDS = 64;
const ALL_SHARDS: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

/** SQL for the virtual shard of an account. The server hashes, so that all replicas agree. */
export const shardSql = (accountColumn: string): string => `(hashtext(${accountColumn}) & ${SHARDS - 1})`;

/** What the locks say at one moment. Replicas and owners are the server's process ids of their sessions. */
export interface ShardView {
  readonly me: number;
  /** Every replica that is there, this one included. */
  readonly replicas: readonly number[];
  /** The owner of each shard that is held. */
  readonly owners: ReadonlyMap<number, number>;
}

export interface ShardShare {
  readonly held: readonly number[];
  /** Free ones to try for. */
  readonly take: readonly number[];
  /** Held ones above the share. */
  readonly letGo: readonly number[];
}

/**
 * What a replica should do about its share. The shards are dealt out one by one, shard n to the replica at
 * place n modulo their number, so that shares differ by one at most. Only the size of the share binds: which
 * shards these are is left as it is, since each move has two replicas look at an account.
 */
export function shareOf({ me, replicas, owners }: ShardView): ShardShare {
  const order = [...replicas].sort((a, b) => a - b);
  const place = order.indexOf(me);
  const size = place < 0 ? 0 : Math.ceil((SHARDS - place) / order.length);
  const isOwn = (shard: number): boolean => shard % order.length === place;
  // The own ones first: two replicas that begin together then do not try for the same.
  const byOwn = [...ALL_SHARDS.filter(isOwn), ...ALL_SHARDS.filter((shard) => !isOwn(shard))];
  const held = byOwn.filter((shard) => owners.get(shard) === me);
  return {
    held,
    take: byOwn.filter((shard) => !owners.has(shard)).slice(0, Math.max(0, size - held.length)),
    letGo: held.slice(size),
  };
}
