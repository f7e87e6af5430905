import { z } from 'zod';
import type { Tx } from './client.ts';

/**
 * What a transaction did to SLOs.
 * - `definition`: created, changed or removed.
 * - `history`: minutes from `fromMs` on were written or written anew, and the status with them.
 * - `status`: time went on; the next minutes were added, and the status columns moved.
 */
export interface Change {
  /** Null: of any account. */
  readonly accountId: string | null;
  /** Null: any of the account's. */
  readonly sloIds: readonly string[] | null;
  readonly kind: 'definition' | 'history' | 'status';
  /** Start of the earliest minute that is touched; only for `history`, and null when that is not known. */
  readonly fromMs: number | null;
}

/** Of this database; every replica listens on it. */
export const CHANGE_CHANNEL = 'np_slo_changes';

/** PostgreSQL takes a payload of less than 8,000 bytes. */
const MAX_PAYLOAD_BYTES = 7900;
const KINDS = ['definition', 'history', 'status'] as const satisfies readonly Change['kind'][];

const payloadSchema = z.array(
  z.object({
    accountId: z.string().nullable(),
    sloIds: z.array(z.string()).nullable(),
    kind: z.enum(KINDS),
    fromMs: z.number().nullable(),
  }),
);

/**
 * Tells every replica, once the transaction commits, what it has changed. All of a transaction's changes in one
 * call: each one that notifies holds a lock of the whole database while it commits, and one notice is enough.
 */
export async function announceChanges({ client }: Tx, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  await client.query('SELECT pg_notify($1, $2)', [CHANGE_CHANNEL, encodeChanges(changes)]);
}

/** The changes of a notice; null when another version wrote it in a way that this one cannot read. */
export function decodeChanges(payload: string): Change[] | null {
  let raw: unknown;
  try {
    raw = JSON.parse(payload);
  } catch {
    return null;
  }
  return payloadSchema.safeParse(raw).data ?? null;
}

/**
 * One payload, however many there are: a change of each kind and account. What does not fit is said of all the
 * account's SLOs, or of all accounts.
 */
export function encodeChanges(changes: readonly Change[]): string {
  const perAccount = summedUp(changes);
  const attempts = [
    () => perAccount,
    () => perAccount.map((change) => ({ ...change, sloIds: null })),
    () => summedUp(changes.map((change) => ({ ...change, accountId: null, sloIds: null }))),
  ];
  for (const attempt of attempts) {
    const payload = JSON.stringify(attempt());
    if (Buffer.byteLength(payload) <= MAX_PAYLOAD_BYTES) return payload;
  }
  throw new RangeError('one change of each kind does not fit into a notice');
}

function summedUp(changes: readonly Change[]): Change[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = JSON.stringify([change.accountId, change.kind]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const lists = group.flatMap(({ sloIds }) => (sloIds === null ? [] : [sloIds]));
    const instants = group.flatMap(({ fromMs }) => (fromMs === null ? [] : [fromMs]));
    return {
      ...first,
      sloIds: lists.length < group.length ? null : [...new Set(lists.flat())],
      fromMs: instants.length < group.length ? null : Math.min(...instants),
    };
  });
}
