import type { Modifiers } from './ast.ts';

/** The instants at which an expression is evaluated: `startMs + k * stepMs` for k below `steps`. */
export interface Grid {
  readonly startMs: number;
  readonly endMs: number;
  /** Above 0, also for a single instant. */
  readonly stepMs: number;
  readonly steps: number;
}

export function makeGrid(startMs: number, endMs: number, stepMs: number): Grid {
  return { startMs, endMs, stepMs, steps: endMs < startMs ? 0 : Math.floor((endMs - startMs) / stepMs) + 1 };
}

export const instantOf = (grid: Grid, k: number): number => grid.startMs + k * grid.stepMs;

/** The instants as `offset` and `@` move them: with `@`, one and the same for all steps. */
export interface MovedGrid {
  readonly startMs: number;
  readonly endMs: number;
  /** 0 when `@` stands still. */
  readonly stepMs: number;
}

/** @param query the bounds of the whole query, which `@ start()` and `@ end()` mean */
export function moveGrid(grid: Grid, { at, offsetMs }: Modifiers, query: Grid): MovedGrid {
  if (at === null)
    return { startMs: grid.startMs - offsetMs, endMs: grid.endMs - offsetMs, stepMs: grid.stepMs };
  const fixedMs = at === 'start' ? query.startMs : at === 'end' ? query.endMs : at.ms;
  return { startMs: fixedMs - offsetMs, endMs: fixedMs - offsetMs, stepMs: 0 };
}

/**
 * The instants that a subquery evaluates for all steps around it: whole multiples of its own step, the first of
 * them after the left end of the first window, which is open.
 */
export function subqueryGrid(moved: MovedGrid, rangeMs: number, stepMs: number): Grid {
  const fromMs = moved.startMs - rangeMs;
  const aligned = stepMs * Math.trunc(fromMs / stepMs);
  return makeGrid(aligned <= fromMs ? aligned + stepMs : aligned, moved.endMs, stepMs);
}
