import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statusSchema, statusText } from '../../../src/api/rest/wire/status.ts';
import type { ComponentStatus } from '../../../src/services/composite-at.ts';
import type { SloStatus } from '../../../src/services/read-status.ts';

const NOON = Date.UTC(2026, 10, 18, 12);

const figure = fc.oneof(fc.constantFrom(null, 0, -0, 1e21, 5e-324, -1.5), fc.double({ noNaN: true }));
const instant = fc.integer({ min: 0, max: 4e12 });
const objective = fc.record({
  atMs: fc.constant(NOON),
  objective: fc.constantFrom('default', 'p99-latency'),
  state: fc.constantFrom('exhausted', 'at_risk', 'healthy', 'no_data'),
  target: fc.double({ min: 0.001, max: 0.9999, noNaN: true }),
  reliability: figure,
  budget: figure,
  burnRate: figure,
  countGood: figure,
  countTotal: figure,
  badAllowed: figure,
  badUsed: figure,
  budgetMinutesRemaining: figure,
  timeToExhaustionSeconds: figure,
  window: fc.record({
    startMs: instant,
    endMs: instant,
    lengthMs: fc.constant(1),
    rolling: fc.boolean(),
  }),
  observed: fc.constant(1),
  lastDataAtMs: fc.option(instant),
  components: fc.option(
    fc.array(
      fc.record({
        project: fc.constant('default'),
        slo: fc.constant('api'),
        sloId: fc.uuid(),
        objective: fc.constant('default'),
        weight: fc.constant(2),
        whenDelayed: fc.constant('ignore' as const),
        impact: figure,
        delaySeconds: figure,
        wasDelayed: figure,
        isCurrent: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
  ),
}) satisfies fc.Arbitrary<SloStatus['objectives'][number]>;

/** What JSON makes of a number: none of what is not finite, and no negative zero. */
const shown = (value: number | null): unknown => JSON.parse(JSON.stringify(value));

test('the text of a status is JSON of the documented shape, figure by figure', () => {
  fc.assert(
    fc.property(fc.array(objective, { maxLength: 3 }), (objectives) => {
      const status = { atMs: NOON, state: 'healthy', objectives } satisfies SloStatus;
      const answer = statusSchema.parse(JSON.parse(statusText(status)));
      expect(answer.at).toBe('2026-11-18T12:00:00Z');
      expect(answer.objectives).toHaveLength(objectives.length);
      objectives.forEach((given, i) => {
        const components: readonly ComponentStatus[] | null = given.components;
        expect(answer.objectives[i]).toEqual({
          objective: given.objective,
          state: given.state,
          target: given.target,
          reliability: shown(given.reliability),
          budget: shown(given.budget),
          burn_rate: shown(given.burnRate),
          count_good: shown(given.countGood),
          count_total: shown(given.countTotal),
          bad_allowed: shown(given.badAllowed),
          bad_used: shown(given.badUsed),
          budget_minutes_remaining: shown(given.budgetMinutesRemaining),
          time_to_exhaustion_seconds: shown(given.timeToExhaustionSeconds),
          window: { start: timeOf(given.window.startMs), end: timeOf(given.window.endMs) },
          last_data_at: given.lastDataAtMs === null ? null : timeOf(given.lastDataAtMs),
          ...(components === null
            ? {}
            : {
                components: components.map((one) => ({
                  project: 'default',
                  slo: 'api',
                  objective: 'default',
                  weight: one.isCurrent ? 2 : 0,
                  impact: shown(one.impact),
                  delay_seconds: shown(one.delaySeconds),
                  was_delayed: shown(one.wasDelayed),
                })),
              }),
        });
      });
    }),
    { numRuns: Number(process.env.RUNS ?? 100) },
  );
});

const timeOf = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
