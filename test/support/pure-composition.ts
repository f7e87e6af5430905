import { floorTo, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { adjustedFinder, type BudgetAdjustment } from '../../src/slo/adjustment.ts';
import { burnRates, type ObjectiveBurnRate } from '../../src/slo/burn-rates.ts';
import { type ComponentRow, componentMinutes } from '../../src/slo/component-minutes.ts';
import { componentKey, everyComponent } from '../../src/slo/composite.ts';
import { evaluateComposite } from '../../src/slo/composite-evaluation.ts';
import { type PendingUnit, sumsSeenAt } from '../../src/slo/composite-view.ts';
import { type CompositeColumns, CompositeWalk } from '../../src/slo/composite-walk.ts';
import type { DefinitionRevision, SloDefinition } from '../../src/slo/definition.ts';
import { objectiveAt, ruleAt } from '../../src/slo/revision.ts';
import { type MinuteChange, rewriteSeries } from '../../src/slo/rewrite.ts';
import { RunningTotals } from '../../src/slo/running-totals.ts';
import { sliceIsGood } from '../../src/slo/sli.ts';
import { SnapshotBatch } from '../../src/slo/snapshot-batch.ts';
import type { ObjectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import { bruteStraddle } from './brute-force.ts';

/** An SLO of the pure core; components name it as `sloId`. */
export interface PureSlo extends SloDefinition {
  readonly revisions: readonly DefinitionRevision[];
  readonly adjustments: readonly BudgetAdjustment[];
  /** Of the one objective, ascending; none for a composite. */
  readonly changes: readonly MinuteChange[];
}

export interface PureRow extends ComponentRow {
  readonly status: ObjectiveStatus | null;
  readonly composite: CompositeColumns | null;
}

export interface PureRun {
  /** By `at`. */
  readonly rows: ReadonlyMap<number, PureRow>;
  readonly burnRatesAt: (atMs: number) => ObjectiveBurnRate;
}

/** Everything about an SLO up to `untilMs`, without a database: those it is made of come first. */
export function runPure(slos: ReadonlyMap<string, PureSlo>, name: string, untilMs: number): PureRun {
  return runOnce({ slos, untilMs, runs: new Map() }, name);
}

interface Runs {
  readonly slos: ReadonlyMap<string, PureSlo>;
  readonly untilMs: number;
  /** Those that are done. */
  readonly runs: Map<string, PureRun>;
}

function runOnce(all: Runs, name: string): PureRun {
  const run = all.runs.get(name) ?? runOf(all, name);
  all.runs.set(name, run);
  return run;
}

function runOf(all: Runs, name: string): PureRun {
  const { slos, untilMs } = all;
  const slo = slos.get(name);
  if (slo === undefined) throw new Error(name);
  const objective = slo.objectives[0]?.name ?? '';
  const timeslices = slo.budgetingMethod === 'timeslices';
  const walk = slo.sli.type === 'composite' ? walkOf(all, slo) : null;
  const changes = walk === null ? slo.changes : walk.changes(0);
  const totals = new RunningTotals(64);
  const out = { inserts: new SnapshotBatch(), updates: new SnapshotBatch() };
  const statuses = new Map<number, ObjectiveStatus>();
  rewriteSeries(
    {
      slo,
      objective,
      series: 0,
      fromMs: floorTo(changes[0]?.minuteMs ?? untilMs, HOUR_MS) + MINUTE_MS,
      untilMs,
      totals,
      stored: NO_MINUTES,
      changes,
      straddles: new Map(),
      onStatus: (status) => statuses.set(status.atMs, status),
      ...(walk === null ? {} : { composite: walk }),
    },
    out,
  );
  const rows = rowsOf(out.inserts, statuses);
  const pending = [...rows.values()].flatMap((row): PendingUnit[] => {
    const counted = row.composite?.countedAtMs ?? null;
    const unit = timeslices ? row.sliceGood : row.usedGood;
    return counted === null || unit === null
      ? []
      : [{ at: row.atMs, countedAtMs: counted, good: unit, total: 1 }];
  });
  return {
    rows,
    burnRatesAt: (atMs) => {
      const rule = ruleAt(slo, objective, atMs);
      if (rule === null) throw new Error(`${name} has no rule`);
      const used = [...rows.values()].flatMap(({ atMs: at, usedGood, usedTotal }) =>
        at > atMs || usedGood === null || usedTotal === null
          ? []
          : [{ minuteMs: at - MINUTE_MS, good: usedGood, total: usedTotal }],
      );
      const window = windowAt(rule.timeWindow, atMs);
      const lookbackEndMs = rows.get(atMs)?.composite?.lookbackEndMs ?? atMs;
      return burnRates(rule, atMs, sumsSeenAt(totals.between, pending, atMs), {
        ...bruteStraddle(rule, window, used),
        lookbackEndMs,
      });
    },
  };

  function rowsOf(
    batch: SnapshotBatch,
    known: ReadonlyMap<number, ObjectiveStatus>,
  ): Map<number, PureRow & { readonly sliceGood: number | null }> {
    const composites = new Map(batch.composites.map(({ row, columns }) => [row, columns]));
    const unused = new Set(batch.dataUnused);
    const orNull = (value: number | undefined): number | null =>
      value === undefined || Number.isNaN(value) ? null : value;
    return new Map(
      [...batch.at].map((atMs, i) => {
        const columns = composites.get(i) ?? null;
        const slice = orNull(batch.column('sliceReliability')?.[i]);
        const target = objectiveAt(slo?.revisions ?? [], objective, atMs)?.timeSliceTarget ?? 1;
        return [
          atMs,
          {
            atMs,
            usedGood: orNull(batch.column('usedGood')?.[i]),
            usedTotal: orNull(batch.column('usedTotal')?.[i]),
            dataUnused: unused.has(i),
            budget: orNull(batch.column('budget')?.[i]),
            evaluatedAtMs: columns?.evaluatedAtMs ?? null,
            status: batch.state[i] === -1 ? null : (known.get(atMs) ?? null),
            composite: columns,
            sliceGood: slice === null ? null : Number(sliceIsGood(slice, 1, target)),
          },
        ];
      }),
    );
  }
}

const NO_MINUTES = {
  at: new Float64Array(),
  usedGood: new Float64Array(),
  usedTotal: new Float64Array(),
  receivedGood: new Float64Array(),
  receivedBad: new Float64Array(),
  receivedTotal: new Float64Array(),
  value: new Float64Array(),
  counterPoints: new Map<number, string>(),
  dataUnused: new Set<number>(),
};

function walkOf(all: Runs, slo: PureSlo): CompositeWalk {
  const { slos, untilMs } = all;
  const { revisions } = slo;
  const timeslices = slo.budgetingMethod === 'timeslices';
  const histories = everyComponent(revisions).map((component) => {
    const known = slos.get(component.sloId);
    if (known === undefined) throw new Error(component.sloId);
    const rows = [...runOnce(all, component.sloId).rows.values()];
    const first = rows.find(({ usedTotal, dataUnused }) => usedTotal !== null || dataUnused);
    const firstDataMs = first === undefined ? null : first.atMs - MINUTE_MS;
    return { key: componentKey(component), slo: known, objective: component.objective, firstDataMs, rows };
  });
  const first = Math.min(untilMs, ...histories.map(({ firstDataMs }) => firstDataMs ?? untilMs));
  const fromMs = floorTo(first, HOUR_MS);
  const components = new Map(
    histories.map(({ key, ...history }) => [
      key,
      componentMinutes(revisions, { ...history, newestBeforeMs: null }, fromMs, untilMs),
    ]),
  );
  return new CompositeWalk({
    revisions,
    timeslices,
    sliceMs: timeslices ? slo.sliceMs : MINUTE_MS,
    evaluated: evaluateComposite({ fromMs, untilMs, revisions, components }, timeslices ? slo.sliceMs : null),
    isAdjusted: adjustedFinder(slo.adjustments, fromMs, untilMs),
  });
}
