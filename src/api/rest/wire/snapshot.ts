import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { Snapshot } from '../../../services/list-snapshots.ts';
import { figure, stateSchema } from './state.ts';
import { timeSchema } from './times.ts';

/** The status of an objective at the end of a minute. */
export const snapshotSchema = z
  .strictObject({
    at: timeSchema,
    objective: z.string(),
    target: z.number(),
    reliability: figure('The share of good events or time slices in the window.'),
    budget: figure('1 is untouched, 0 is spent, negative is overspent.'),
    burn_rate: figure('Over the hour before.'),
    count_good: figure('Events; minutes for time slices.'),
    count_total: figure('Events; minutes for time slices.'),
    state: stateSchema,
    received_good: figure('What came in for the minute; the last value of a counter.'),
    received_bad: figure('What came in for the minute; the last value of a counter.'),
    received_total: figure('What came in for the minute; the last value of a counter.'),
    used_good: figure('What of the minute enters the budget.'),
    used_total: figure('What of the minute enters the budget.'),
    adjusted: z.boolean().meta({ description: 'Whether the minute counts as if it never was.' }),
  })
  .meta({ id: 'Snapshot' });

export function snapshotToWire(snapshot: Snapshot): z.infer<typeof snapshotSchema> {
  return {
    at: formatRfc3339(snapshot.atMs),
    objective: snapshot.objective,
    target: snapshot.target,
    reliability: snapshot.reliability,
    budget: snapshot.budget,
    burn_rate: snapshot.burnRate,
    count_good: snapshot.countGood,
    count_total: snapshot.countTotal,
    state: snapshot.state,
    received_good: snapshot.receivedGood,
    received_bad: snapshot.receivedBad,
    received_total: snapshot.receivedTotal,
    used_good: snapshot.usedGood,
    used_total: snapshot.usedTotal,
    adjusted: snapshot.adjusted,
  };
}
