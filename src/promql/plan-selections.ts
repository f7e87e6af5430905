import type { Aggregate, Call, Expr, VectorSelector } from './ast.ts';
import { type Grid, type MovedGrid, moveGrid, subqueryGrid } from './grid.ts';
import type { Selection, SelectionHints } from './source.ts';

export interface PlannedSelection {
  readonly selector: VectorSelector;
  readonly selection: Selection;
}

interface PlanOptions {
  readonly query: Grid;
  readonly lookbackMs: number;
  readonly subqueryStepMs: number;
}

/** Every selector of the expression, with the samples that its evaluation will look at. */
export function planSelections(root: Expr, options: PlanOptions): PlannedSelection[] {
  const { query, lookbackMs, subqueryStepMs } = options;
  const planned: PlannedSelection[] = [];
  const plan = (selector: VectorSelector, moved: MovedGrid, windowMs: number, hints: Around): void => {
    const { startMs, endMs, stepMs } = moved;
    planned.push({
      selector,
      selection: {
        matchers: selector.matchers,
        fromMs: startMs - windowMs,
        toMs: endMs,
        hints: { ...hints, startMs, endMs, stepMs: Math.max(1, stepMs), windowMs },
      },
    });
  };
  const walk = (expr: Expr, grid: Grid, around: Call | Aggregate | null): void => {
    switch (expr.kind) {
      case 'number':
      case 'string':
        return;
      case 'vectorSelector':
        plan(expr, moveGrid(grid, expr, query), lookbackMs, aroundHints('instant', around));
        return;
      case 'matrixSelector':
        plan(expr.selector, moveGrid(grid, expr.selector, query), expr.rangeMs, aroundHints('range', around));
        return;
      case 'subquery': {
        const moved = moveGrid(grid, expr, query);
        walk(expr.expr, subqueryGrid(moved, expr.rangeMs, expr.stepMs ?? subqueryStepMs), null);
        return;
      }
      case 'paren':
        walk(expr.expr, grid, around);
        return;
      case 'unary':
        walk(expr.expr, grid, null);
        return;
      case 'binary':
        walk(expr.left, grid, null);
        walk(expr.right, grid, null);
        return;
      case 'aggregate':
        if (expr.param !== null) walk(expr.param, grid, null);
        walk(expr.expr, grid, expr);
        return;
      case 'call':
        for (const arg of expr.args) walk(arg, grid, expr);
    }
  };
  walk(root, query, null);
  return planned;
}

type Around = Pick<SelectionHints, 'kind' | 'around' | 'grouping'>;

function aroundHints(kind: SelectionHints['kind'], around: Call | Aggregate | null): Around {
  if (around === null) return { kind, around: null, grouping: null };
  if (around.kind === 'call') return { kind, around: around.signature.name, grouping: null };
  return { kind, around: around.operator, grouping: { by: !around.without, labels: around.grouping } };
}
