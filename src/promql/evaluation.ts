import type { Annotations } from './annotations.ts';
import type { VectorSelector } from './ast.ts';
import type { Budget } from './budget.ts';
import type { Grid } from './grid.ts';
import type { Series } from './source.ts';

/** What the evaluation of one query shares. */
export interface Evaluation {
  /** The bounds of the whole query. */
  readonly query: Grid;
  readonly lookbackMs: number;
  /** The step of a subquery that names none. */
  readonly subqueryStepMs: number;
  readonly annotations: Annotations;
  readonly budget: Budget;
  /** What each selector selected, sorted by labels. */
  readonly selected: ReadonlyMap<VectorSelector, readonly Series[]>;
}
