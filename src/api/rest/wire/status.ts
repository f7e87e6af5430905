import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { ComponentStatus } from '../../../services/composite-at.ts';
import type { SloStatus } from '../../../services/read-status.ts';
import { figure, stateSchema } from './state.ts';
import { timeSchema } from './times.ts';

const componentStatusSchema = z.strictObject({
  project: z.string(),
  slo: z.string(),
  objective: z.string(),
  weight: z
    .number()
    .meta({ description: 'As configured; 0 for one that was taken out but is in the window.' }),
  impact: figure("The share of the composite's error budget that it has used up."),
  delay_seconds: figure('How far its newest data is behind the newest of any component.'),
  was_delayed: figure(
    'In the newest minute decided on: 0 used, 1 counted as good, 2 counted as bad, 3 ignored or left out.',
  ),
});

const objectiveStatusSchema = z.strictObject({
  objective: z.string(),
  state: stateSchema,
  target: z.number().meta({ description: 'The target in force at the time.' }),
  reliability: figure('The share of good events or time slices in the window.'),
  budget: figure('1 is untouched, 0 is spent, negative is overspent.'),
  burn_rate: figure('Over the last hour; 1 spends the budget exactly over the window.'),
  count_good: figure('Events; minutes for time slices.'),
  count_total: figure('Events; minutes for time slices.'),
  bad_allowed: figure('How many may be bad; events, minutes for time slices.'),
  bad_used: figure('How many were bad; events, minutes for time slices.'),
  budget_minutes_remaining: figure('Minutes of full outage that the budget still covers.'),
  time_to_exhaustion_seconds: figure(
    'At the burn rate of the last hour; null when it would not come to that.',
  ),
  window: z.strictObject({ start: timeSchema, end: timeSchema }),
  last_data_at: timeSchema.nullable().meta({ description: 'The newest minute with data.' }),
  components: z
    .array(componentStatusSchema)
    .optional()
    .meta({ description: 'Of composites only: what they are made of.' }),
});

/** How an SLO stands at a time. */
export const statusSchema = z
  .strictObject({
    at: timeSchema,
    objectives: z.array(objectiveStatusSchema),
  })
  .meta({ id: 'Status' });

/** As JSON of the shape `statusSchema`. */
export function statusText({ atMs, objectives }: SloStatus): string {
  return `{"at":"${formatRfc3339(atMs)}","objectives":[${objectives.map(objectiveText).join(',')}]}`;
}

const texts = new WeakMap<SloStatus, string>();

/** The same, kept as long as the status is. */
export function keptStatusText(status: SloStatus): string {
  const known = texts.get(status);
  if (known !== undefined) return known;
  const text = statusText(status);
  texts.set(status, text);
  return text;
}

function componentToWire(component: ComponentStatus): z.infer<typeof componentStatusSchema> {
  return {
    project: component.project,
    slo: component.slo,
    objective: component.objective,
    weight: component.isCurrent ? component.weight : 0,
    impact: component.impact,
    delay_seconds: component.delaySeconds,
    was_delayed: component.wasDelayed,
  };
}

/**
 * Of the shape `objectiveStatusSchema`. By hand, since a page has a thousand of them: an object for each, and
 * JSON.stringify over it, took twice as long. States and times need no escapes.
 */
function objectiveText(status: SloStatus['objectives'][number]): string {
  const { window, components } = status;
  const parts = components === null ? '' : `,"components":${JSON.stringify(components.map(componentToWire))}`;
  return `{"objective":${JSON.stringify(status.objective)},"state":"${status.state}","target":${status.target},"reliability":${numberText(status.reliability)},"budget":${numberText(status.budget)},"burn_rate":${numberText(status.burnRate)},"count_good":${numberText(status.countGood)},"count_total":${numberText(status.countTotal)},"bad_allowed":${numberText(status.badAllowed)},"bad_used":${numberText(status.badUsed)},"budget_minutes_remaining":${numberText(status.budgetMinutesRemaining)},"time_to_exhaustion_seconds":${numberText(status.timeToExhaustionSeconds)},"window":{"start":"${formatRfc3339(window.startMs)}","end":"${formatRfc3339(window.endMs)}"},"last_data_at":${timeText(status.lastDataAtMs)}${parts}}`;
}

/** As JSON.stringify has it. */
const numberText = (value: number | null): string =>
  value === null || !Number.isFinite(value) ? 'null' : `${value}`;

const timeText = (ms: number | null): string => (ms === null ? 'null' : `"${formatRfc3339(ms)}"`);
