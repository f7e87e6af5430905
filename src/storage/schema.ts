import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgPolicy,
  pgRole,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import type { BudgetAdjustment } from '../slo/adjustment.ts';
import type { AlertMessage } from '../slo/alert-message.ts';
import type { AlertPolicy } from '../slo/alert-policy.ts';
import type { AlertStates } from '../slo/alert-state.ts';
import type { CounterPoint } from '../slo/counter.ts';
import type { DefinitionRevision, Objective, Sli, TimeWindow } from '../slo/definition.ts';
import type { Backfill } from '../slo/pull-state.ts';

/** Every request's transaction runs as this role, which row level security binds. */
export const TENANT_ROLE = 'np_slo_tenant';

const tenant = pgRole(TENANT_ROLE).existing();

/** Schema of the partitions: they do not inherit policies, so nothing is granted there. */
export const PARTITION_SCHEMA = 'np_slo_parts';

/** Read once a statement, not once a row, hence the sub-select. */
const ownAccount = sql`source_account_id = (select current_setting('app.source_account_id', true))`;

const tenantPolicy = (name: string) =>
  pgPolicy(name, { as: 'permissive', for: 'all', to: tenant, using: ownAccount, withCheck: ownAccount });

export const sloState = pgEnum('np_slo_state', ['exhausted', 'at_risk', 'healthy', 'no_data']);
export const reportPeriod = pgEnum('np_slo_period', ['day', 'week', 'month', 'quarter', 'year']);

const accountId = () => text('source_account_id').notNull().default('primary');
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** Definitions, and the current status beside them for whoever watches the row. */
export const npSlos = pgTable(
  'np_slos',
  {
    sourceAccountId: accountId(),
    id: uuid('id').notNull().defaultRandom(),
    project: text('project').notNull(),
    name: text('name').notNull(),
    displayName: text('display_name').notNull(),
    description: text('description').notNull(),
    service: text('service').notNull(),
    labels: jsonb('labels').$type<Record<string, string>>().notNull(),
    budgetingMethod: text('budgeting_method', { enum: ['occurrences', 'timeslices'] }).notNull(),
    timeSliceSeconds: integer('time_slice_seconds').notNull(),
    timeWindow: jsonb('time_window').$type<TimeWindow>().notNull(),
    sli: jsonb('sli').$type<Sli>().notNull(),
    objectives: jsonb('objectives').$type<Objective[]>().notNull(),
    /** Their names, so that a tick need not take the documents apart. */
    objectiveNames: text('objective_names').array().notNull(),
    /** The objective that stands for the SLO where one number is shown; null: the worst off. */
    shownObjective: text('shown_objective'),
    alertPolicy: jsonb('alert_policy').$type<AlertPolicy>().notNull(),
    /** What decided a status and since when, oldest first; the last one is in force. */
    revisions: jsonb('revisions').$type<DefinitionRevision[]>().notNull(),
    /** 0, or for a composite one more than the highest of its components: rows are locked in this order. */
    level: integer('level').notNull().default(0),
    /** Every SLO that is or was a component of this one. */
    componentIds: uuid('component_ids').array().notNull().default(sql`'{}'`),
    /** Of a composite: its minutes from here on are to be computed anew. */
    recomputeFrom: instant('recompute_from'),
    /** When each alert's condition held, and what was told of it. */
    alerts: jsonb('alerts').$type<AlertStates>().notNull().default({}),
    /** When the alerts may change next by the mere passing of time; null for never. */
    alertsChangeAt: instant('alerts_change_at'),
    /** What is still to be told to receivers of alerts, in the order of the changes, and what none would take. */
    alertOutbox: jsonb('alert_outbox').$type<readonly AlertMessage[]>().notNull().default([]),
    /** When the next of them is due; null for none. */
    alertDueAt: instant('alert_due_at'),
    /** Minutes that count as if they never were. */
    adjustments: jsonb('adjustments').$type<BudgetAdjustment[]>().notNull().default([]),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
    state: sloState('state').notNull().default('no_data'),
    /** Of the primary objective; where none is, of the one with the least budget. */
    reliability: doublePrecision('reliability'),
    budget: doublePrecision('budget'),
    burnRate: doublePrecision('burn_rate'),
    /** The minute that the status columns stand for. */
    evaluatedAt: instant('evaluated_at'),
    /** Start of the newest minute bucket for which something came in. */
    lastDataAt: instant('last_data_at'),
    /** Snapshots are complete up to here; the evaluator goes on from here. Null before the first data. */
    snapshotsUntil: instant('snapshots_until'),
    /** Start of the oldest minute bucket for which something ever came in, kept or not any more. */
    firstDataAt: instant('first_data_at'),
    /** Goes up by one whenever snapshots up to `snapshots_until` are written anew, removed or filled in. */
    historyVersion: bigint('history_version', { mode: 'number' }).notNull().default(0),
    /** How far back the last of these changes reached: see src/slo/history-marks.ts. */
    historyMarks: integer('history_marks').array().notNull().default(sql`'{}'`),
    /** End of the first day, in the zone of the reports, of which none is stored yet; null before the first. */
    reportDueAt: instant('report_due_at'),
    /** The `history_version` that the stored reports agree with; null while they were made without any data. */
    reportedVersion: bigint('reported_version', { mode: 'number' }),
    /** Minutes of a pulled source before are not read; null without a source to read. */
    pullFrom: instant('pull_from'),
    /** The position of the reading: all minutes before are read. */
    pulledUntil: instant('pulled_until'),
    lastPulledAt: instant('last_pulled_at'),
    /** What went wrong with the source since. */
    lastError: text('last_error'),
    /** Digests of what was read of the last minutes, by their start in epoch milliseconds. */
    pulledRecent: jsonb('pulled_recent').$type<Record<string, string>>(),
    /** The last request to read a past range, and how far that has come. */
    backfill: jsonb('backfill').$type<Backfill>(),
  },
  (t) => [
    primaryKey({ name: 'np_slos_pkey', columns: [t.sourceAccountId, t.id] }),
    unique('np_slos_account_project_name_key').on(t.sourceAccountId, t.project, t.name),
    index('idx_np_slos_composites').on(t.sourceAccountId, t.level).where(sql`level > 0`),
    index('idx_np_slos_alert_due').on(t.sourceAccountId, t.alertDueAt).where(sql`alert_due_at IS NOT NULL`),
    index('idx_np_slos_pulled').on(t.sourceAccountId, t.pulledUntil).where(sql`pulled_until IS NOT NULL`),
    tenantPolicy('np_slos_own_account'),
  ],
).enableRLS();

/**
 * One row per objective and minute: `at` is the end of the bucket `[at - 60 s, at)`, and the instant of the
 * status in the row. What came in, what was used of it, the running totals, and the status.
 *
 * All used before `at` is `base` of the UTC day of `at` plus `run` of the row. `base` stands in the row of
 * 00:00 of that day alone, so that row always exists; where it is no snapshot its `state` is null.
 * In the key the minute comes before the series: what is written together lies together, the index grows at its
 * end with full leaves (59 bytes a row against 104), and a page of SLOs at an instant is one stretch of it. A
 * stretch of one series is looked up minute by minute, and the index of the rows of 00:00 tells where they are.
 * The eight-byte columns stand first, so that nothing is lost to padding. There is no foreign key: checking it
 * row by row took twice the time of all the rest (200,000 rows: 3.0 s with it, 1.0 s without). Whoever writes
 * rows or removes an SLO holds the lock of the SLO's row, which keeps both in step.
 */
export const npSloSnapshots = pgTable(
  'np_slo_snapshots',
  {
    at: instant('at').notNull(),
    /** What enters the budget; null where the minute is not used. */
    usedGood: doublePrecision('used_good'),
    usedTotal: doublePrecision('used_total'),
    /** Counted from 00:00 UTC of the day of `at` up to `at`: events, or slices that ended after 00:00. */
    runGood: doublePrecision('run_good').notNull(),
    runTotal: doublePrecision('run_total').notNull(),
    /** What the rounding of `run_*` leaves out; null, and so without cost, for whole numbers. */
    runGoodLow: doublePrecision('run_good_low'),
    runTotalLow: doublePrecision('run_total_low'),
    reliability: doublePrecision('reliability'),
    budget: doublePrecision('budget'),
    burnRate: doublePrecision('burn_rate'),
    countGood: doublePrecision('count_good'),
    countTotal: doublePrecision('count_total'),
    /** What came in, untouched; of a counter its last values. All null where a good and a total came and were used as they came. */
    receivedGood: doublePrecision('received_good'),
    receivedBad: doublePrecision('received_bad'),
    receivedTotal: doublePrecision('received_total'),
    /** The minute's last point of a threshold SLI. */
    value: doublePrecision('value'),
    /** Good share of the time slice that ends with this minute, where it was observed. */
    sliceReliability: doublePrecision('slice_reliability'),
    sloId: uuid('slo_id').notNull(),
    sourceAccountId: accountId(),
    objective: text('objective').notNull(),
    /** Composites: when the minute was decided on, where that was later than at its end. */
    evaluatedAt: instant('evaluated_at'),
    /** Composites: since when what was counted here counts, where that is later than `at`. */
    countedAt: instant('counted_at'),
    /** Composites that wait at `at`: where burn-rate lookbacks end. */
    lookbackEnd: instant('lookback_end'),
    /** Composites: the metric composite_max_delay, in seconds. */
    compositeMaxDelay: doublePrecision('composite_max_delay'),
    /**
     * Composites: one element a component, each at its place in `everyComponent(slo.revisions)`, null where it has
     * no value. `component_impact` and `component_delay` (seconds) are as of `at`, `component_was_delayed` is of
     * the minute that ends at `at` and null while it is waited for. The metric component_weight is what is
     * configured now, and so read from the definition.
     */
    componentImpact: doublePrecision('component_impact').array(),
    componentDelay: doublePrecision('component_delay').array(),
    componentWasDelayed: doublePrecision('component_was_delayed').array(),
    /** Composites: what each component has cost of what was counted, over all time up to `at`, as pairs of numbers. */
    componentLoss: doublePrecision('component_loss').array(),
    /** Counters: every point of the minute, from which increases are computed again when late ones come. */
    counterPoints: jsonb('counter_points').$type<CounterPoint[]>(),
    state: sloState('state'),
    /** True where the minute is data though nothing of it is used; else null. */
    dataUnused: boolean('data_unused'),
    /** Counted over all time up to `at`; only in rows of 00:00 UTC. */
    baseGood: numeric('base_good'),
    baseTotal: numeric('base_total'),
  },
  (t) => [
    primaryKey({ name: 'np_slo_snapshots_pkey', columns: [t.sourceAccountId, t.at, t.sloId, t.objective] }),
    index('idx_np_slo_snapshots_days')
      .on(t.sourceAccountId, t.sloId, t.objective, t.at)
      .where(sql`base_good IS NOT NULL`),
    index('idx_np_slo_snapshots_counter_good')
      .on(t.sourceAccountId, t.sloId, t.objective, t.at)
      .where(sql`counter_points IS NOT NULL AND received_good IS NOT NULL`),
    index('idx_np_slo_snapshots_counter_bad')
      .on(t.sourceAccountId, t.sloId, t.objective, t.at)
      .where(sql`counter_points IS NOT NULL AND received_bad IS NOT NULL`),
    index('idx_np_slo_snapshots_counter_total')
      .on(t.sourceAccountId, t.sloId, t.objective, t.at)
      .where(sql`counter_points IS NOT NULL AND received_total IS NOT NULL`),
    tenantPolicy('np_slo_snapshots_own_account'),
  ],
).enableRLS();

/** One row per objective and closed period, kept after its minutes are gone. */
export const npSloReports = pgTable(
  'np_slo_reports',
  {
    sourceAccountId: accountId(),
    sloId: uuid('slo_id').notNull(),
    objective: text('objective').notNull(),
    period: reportPeriod('period').notNull(),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    target: doublePrecision('target').notNull(),
    reliability: doublePrecision('reliability'),
    met: boolean('met'),
    good: doublePrecision('good'),
    total: doublePrecision('total'),
    bad: doublePrecision('bad'),
    budgetUsed: doublePrecision('budget_used'),
    minutesObserved: integer('minutes_observed').notNull(),
    minutesBad: integer('minutes_bad').notNull(),
    longestBadMinutes: integer('longest_bad_minutes').notNull(),
    /** Null where they were not counted. */
    alertsFired: integer('alerts_fired'),
    revision: integer('revision').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    revisedAt: instant('revised_at'),
  },
  (t) => [
    primaryKey({
      name: 'np_slo_reports_pkey',
      columns: [t.sourceAccountId, t.sloId, t.objective, t.period, t.startsAt],
    }),
    foreignKey({
      name: 'np_slo_reports_slo_fkey',
      columns: [t.sourceAccountId, t.sloId],
      foreignColumns: [npSlos.sourceAccountId, npSlos.id],
    }).onDelete('cascade'),
    index('idx_np_slo_reports_period').on(t.sourceAccountId, t.period, t.startsAt),
    tenantPolicy('np_slo_reports_own_account'),
  ],
).enableRLS();
