import type { Tx } from './client.ts';

/**
 * Runs the pieces of a long reading, each in a transaction: a request's all in its own, background work's each in one
 * of its own, so that no transaction lasts long. What changes in between may then be seen by one piece and not by another.
 */
export type InPieces = <T>(piece: (tx: Tx) => Promise<T>) => Promise<T>;

/** All of them in one transaction. */
export const inOne =
  (tx: Tx): InPieces =>
  (piece) =>
    piece(tx);
