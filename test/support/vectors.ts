import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseDuration } from '../../src/lib/duration.ts';

/** The worked cases lie beside the repository; a clone elsewhere does without. */
const FILE = new URL('../../../shared/vectors/status.json', import.meta.url);

/** A run of points: point k is at `start` + k * `every`; a field named in `step` grows by that much a point. */
export interface Run {
  /** `project.name`. */
  readonly slo: string;
  readonly start: string;
  readonly count: number;
  readonly every: string;
  readonly step?: Readonly<Record<string, number>>;
  readonly [field: string]: unknown;
}

/** What the status and the burn rates must be at `at`. */
export interface Expected {
  readonly slo: string;
  readonly objective: string;
  readonly at: string;
  readonly window: { readonly start: string; readonly end: string };
  /** By lookback, `5m` to `3d`. */
  readonly burn: Readonly<Record<string, number | null>>;
  /** Of a composite, in the order of its components. */
  readonly component_impacts?: readonly number[];
  readonly [field: string]: unknown;
}

export interface Case {
  readonly name: string;
  /** As `POST /api/v1/slos` takes them, but for the adjustments, which have an endpoint of their own. */
  readonly slos: readonly (Readonly<Record<string, unknown>> & {
    readonly adjustments?: readonly object[];
  })[];
  readonly feed: readonly Run[];
  readonly expect: readonly Expected[];
}

/** Empty where the cases are not at hand. */
export const cases: readonly Case[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : [];

/** The points of a run as they come over the wire. */
export function* pointsOf({ slo: _, start, count, every, step = {}, ...values }: Run): Generator<object> {
  const everyMs = parseDuration(every) ?? Number.NaN;
  for (let k = 0; k < count; k += 1) {
    const grown = Object.entries(step).map(([field, by]) => [field, Number(values[field]) + k * by]);
    yield {
      ...values,
      ...Object.fromEntries(grown),
      at: new Date(Date.parse(start) + k * everyMs).toISOString(),
    };
  }
}

/** Equal to 1e-9, relative and at least absolute; null, texts and states to the letter. */
export function expectFigure(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected !== 'number') {
    expect(actual, what).toBe(expected);
    return;
  }
  expect(actual, what).toBeTypeOf('number');
  expect(Math.abs(Number(actual) - expected), what).toBeLessThanOrEqual(
    1e-9 * Math.max(1, Math.abs(expected)),
  );
}
