import type { Tx } from './client.ts';

/** An instant is read whole when at least one in so many of the account's SLOs is asked for at it. */
const WORTH_READING_WHOLE = 8;
/** And when there are so many at least. */
export const SHARED_AT_LEAST = 16;

/** From how many series on it is quicker to read the account's minutes whole than to look each series up. */
export async function enoughToReadWhole(tx: Tx, accountId: string): Promise<number> {
  return enoughOf(await countSlos(tx, accountId));
}

/** Of an account with so many SLOs. */
export const enoughOf = (slos: number): number => Math.max(SHARED_AT_LEAST, slos / WORTH_READING_WHOLE);

export async function countSlos({ client }: Tx, accountId: string): Promise<number> {
  const { rows } = await client.query<{ slos: number }>({
    name: 'count-slos',
    text: 'SELECT count(*)::int AS slos FROM np_slos WHERE source_account_id = $1',
    values: [accountId],
  });
  return rows[0]?.slos ?? 0;
}
