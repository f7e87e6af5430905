import type { BudgetAdjustment } from './adjustment.ts';
import type { AlertMessage } from './alert-message.ts';
import type { AlertPolicy } from './alert-policy.ts';
import type { AlertStates } from './alert-state.ts';
import type { HistoryMark } from './history-marks.ts';
import type { Backfill, PullState } from './pull-state.ts';
import type { Source } from './source.ts';

/** How bad minutes are weighed: by their events, or each slice as a whole. */
export type BudgetingMethod = 'occurrences' | 'timeslices';
export type CalendarUnit = 'day' | 'week' | 'month' | 'quarter' | 'year';
export type ThresholdOp = 'lt' | 'lte' | 'gt' | 'gte';

export interface RollingWindow {
  readonly type: 'rolling';
  readonly durationMs: number;
}

export interface CalendarWindow {
  readonly type: 'calendar';
  readonly unit: CalendarUnit;
  readonly count: number;
  /** IANA name. */
  readonly timeZone: string;
  /** The anchor's wall-clock time without an offset, `2024-01-01T00:00:00`. */
  readonly start: string;
}

export type TimeWindow = RollingWindow | CalendarWindow;

export interface RatioSli {
  readonly type: 'ratio';
  readonly incremental: boolean;
  readonly alignment: 'drop' | 'interpolate';
  readonly source: Source;
}

export interface ThresholdSli {
  readonly type: 'threshold';
  readonly source: Source;
}

export type WhenDelayed = 'count_as_good' | 'count_as_bad' | 'ignore';

/** An objective of another SLO of the account that a composite is made of. */
export interface Component {
  readonly project: string;
  readonly slo: string;
  readonly objective: string;
  /** Above 0, as configured. */
  readonly weight: number;
  readonly whenDelayed: WhenDelayed;
}

export interface CompositeSli {
  readonly type: 'composite';
  /** From 1 to 20, each objective once. */
  readonly components: readonly Component[];
  readonly maxDelayMs: number;
  readonly aggregation: 'reliability' | 'error_budget_state';
}

export type Sli = RatioSli | ThresholdSli | CompositeSli;

/** A component of which it is known what SLO its name stands for. */
export interface ResolvedComponent extends Component {
  readonly sloId: string;
}

/** What decides the minutes of a composite. */
export interface CompositeRule extends Omit<CompositeSli, 'type' | 'components'> {
  readonly components: readonly ResolvedComponent[];
}

export interface Objective {
  readonly name: string;
  readonly displayName: string;
  /** In (0, 1). */
  readonly target: number;
  readonly primary: boolean;
  /** In (0, 1]; null unless the SLO counts time slices. */
  readonly timeSliceTarget: number | null;
  /** Null unless the SLI is a threshold. */
  readonly op: ThresholdOp | null;
  readonly value: number | null;
}

/** What of a definition decides a status. A status at t uses the revision in force at t. */
export interface DefinitionRevision {
  /** In force from here on; the first revision also before. */
  readonly fromMs: number;
  readonly timeWindow: TimeWindow;
  readonly objectives: readonly Objective[];
  /** Of a composite: what decides the minutes that begin from here on. */
  readonly composite?: CompositeRule;
}

/** An SLO as its owner defines it. */
export interface SloDefinition {
  readonly project: string;
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly service: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly budgetingMethod: BudgetingMethod;
  /** One minute unless the SLO counts longer time slices. */
  readonly sliceMs: number;
  readonly timeWindow: TimeWindow;
  readonly sli: Sli;
  readonly objectives: readonly Objective[];
  readonly alertPolicy: AlertPolicy;
}

/** Worst first. */
export type SloState = 'exhausted' | 'at_risk' | 'healthy' | 'no_data';

/** An SLO as it is kept: the definition, its history, and the status as last evaluated. */
export interface Slo extends SloDefinition {
  /** UUID. */
  readonly id: string;
  readonly accountId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Oldest first; the last one equals the definition. */
  readonly revisions: readonly DefinitionRevision[];
  /** 0, or for a composite one more than the highest of its components: the order in which rows are locked. */
  readonly level: number;
  /** Of a composite: its minutes from here on are to be computed anew. */
  readonly recomputeFromMs: number | null;
  /** In the order in which they were added. */
  readonly adjustments: readonly BudgetAdjustment[];
  /** When the conditions of its alerts held, and what was told of it. */
  readonly alerts: AlertStates;
  /** What receivers of alerts are still to be told, and what none would take. */
  readonly alertOutbox: readonly AlertMessage[];
  /** Worst of the objectives, at `evaluatedAtMs`. */
  readonly state: SloState;
  readonly evaluatedAtMs: number | null;
  /** Start of the newest minute with data. */
  readonly lastDataAtMs: number | null;
  /** Snapshots are complete up to here; null before the first data. */
  readonly snapshotsUntilMs: number | null;
  /** Start of the oldest minute with data, whether it is kept or not any more. */
  readonly firstDataAtMs: number | null;
  /** Which part of the stored minutes was last touched, for whoever keeps a copy of them. */
  readonly historyMarks: readonly HistoryMark[];
  /** How far its source was read; null without one to read. */
  readonly pull: PullState | null;
  /** The last request to read a past range of its source. */
  readonly backfill: Backfill | null;
}
