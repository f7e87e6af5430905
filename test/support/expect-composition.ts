import { expect } from 'vitest';
import { type BruteComposition, type BruteSlo, bruteComposition } from './brute-composition.ts';

type Numbers = readonly (number | null)[] | null;

/** A snapshot of a composite; lists in the order in which its components came. */
export interface CompositionRow {
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burnRate: number | null;
  readonly impacts: Numbers;
  readonly delays: Numbers;
  readonly wasDelayed: Numbers;
}

export function close(actual: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null) expect(actual ?? null, what).toBeNull();
  else if (!(Math.abs((actual ?? Number.NaN) - expected) <= 5e-9)) expect(actual, what).toBe(expected);
}

/** The brute-force reading of a composite, and what holds a snapshot at minute t against it; null for none. */
export function expectedOf(
  slos: ReadonlyMap<string, BruteSlo>,
  level: string,
  length: number,
): { readonly brute: BruteComposition; readonly expectRow: (t: number, row: CompositionRow | null) => void } {
  const brute = bruteComposition(slos, level, length);
  const node = slos.get(level);
  if (node?.kind !== 'composite') throw new Error(level);
  // Components stand in the order in which they came.
  const places = [...new Set(node.rules.flatMap(({ links }) => links.map(({ name }) => name)))];
  const expectRow = (t: number, row: CompositionRow | null): void => {
    const { reliability, budget, burnRate, impacts: shares } = brute.statusAt(t);
    const what = `of ${level} at minute ${t}`;
    if (reliability !== null) expect(row, `row ${what}`).not.toBeNull();
    if (row === null) return;
    close(row.reliability, reliability, `reliability ${what}`);
    close(row.budget, budget, `budget ${what}`);
    close(row.burnRate, burnRate, `burn ${what}`);
    if (budget !== null) {
      const impacts = places.map((name) => shares.get(name) ?? 0);
      close(
        impacts.reduce((all, impact) => all + impact, 0),
        1 - budget,
        `impacts ${what}`,
      );
      places.forEach((name, i) => {
        // Where it has come since, the row may not have a place for it.
        close(row.impacts?.[i] ?? 0, impacts[i] ?? 0, `impact of ${name} ${what}`);
      });
    }
    const delays = brute.delaysAt(t);
    const wasDelayed = brute.wasDelayed(t - 1);
    places.forEach((name, i) => {
      close(row.delays?.[i], delays.get(name) ?? null, `delay of ${name} ${what}`);
      close(row.wasDelayed?.[i], wasDelayed?.get(name) ?? null, `was delayed ${name} ${what}`);
    });
  };
  return { brute, expectRow };
}
