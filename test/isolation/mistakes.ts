import { drizzle } from 'drizzle-orm/node-postgres';
import type { Tx } from '../../src/storage/client.ts';
import { KeptSlos } from '../../src/storage/kept-slos.ts';

/** Changes the text of a statement on its way to the database. */
export type Mangle = (statement: string) => string;

/** An account that a statement compares the column with, in drizzle's spelling and in ours. */
const COMPARISON = /(?:"?\w+"?\.)?"?source_account_id"? = (\$\d+|\w+\.\w+)/g;
const WHERE = /(?<!FILTER \()\bWHERE\b/gi;

/** The statement with no look at the account. PostgreSQL wants to know the type of every parameter still. */
export const withoutAccount: Mangle = (statement) =>
  statement.replaceAll(
    COMPARISON,
    (_all, other: string) => `(${other}::text IS NOT DISTINCT FROM ${other}::text)`,
  );

/** The statement over all rows. */
export const withoutWhere: Mangle = (statement) => statement.replaceAll(WHERE, 'WHERE TRUE OR');

/** The transaction, with each of its statements mangled. */
export function mangled(tx: Tx, mangle: Mangle): Tx {
  const query = (first: string | { text: string }, ...rest: unknown[]) => {
    const text = mangle(typeof first === 'string' ? first : first.text);
    // Without its name: a prepared statement keeps its text.
    const config = typeof first === 'string' ? text : { ...first, text, name: undefined };
    return Reflect.apply(tx.client.query, tx.client, [config, ...rest]);
  };
  const client = new Proxy(tx.client, {
    get: (target, property) => (property === 'query' ? query : Reflect.get(target, property, target)),
  });
  return { client, orm: drizzle({ client }), keptSlos: new KeptSlos() };
}
