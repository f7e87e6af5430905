import fc from 'fast-check';
import { test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { adjustedFinder } from '../../src/slo/adjustment.ts';
import { parseAdjustment } from '../../src/slo/adjustment-schema.ts';
import { UNKNOWN_VALUES } from '../../src/slo/counter.ts';
import type { DefinitionRevision, SloDefinition } from '../../src/slo/definition.ts';
import { applySloPatch, parseSloInput } from '../../src/slo/definition-schema.ts';
import { settleMinutes } from '../../src/slo/settle.ts';
import {
  bruteSlos,
  type History,
  histories,
  LEVELS,
  MINUTES,
  writtenSlos,
} from '../support/composition-histories.ts';
import { expectedOf } from '../support/expect-composition.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { type PureSlo, runPure } from '../support/pure-composition.ts';

function pureSlos(history: History): Map<string, PureSlo> {
  const { place, changeAt } = history;
  const slos = bruteSlos(history);
  const { startMs } = place;
  const untilMs = startMs + MINUTES * MINUTE_MS;
  return new Map(
    writtenSlos(history).map(({ name, input, adjustment, patch }) => {
      const first = parseSloInput(input);
      const last = patch === null ? null : applySloPatch(first, patch);
      const adjustments =
        adjustment === null
          ? []
          : [parseAdjustment(adjustment, { id: name, timeZone: 'UTC', nowMs: startMs })];
      const brute = slos.get(name);
      const received =
        brute?.kind === 'leaf'
          ? [...brute.points].map(([m, { good, total }]) => ({
              minuteMs: startMs + m * MINUTE_MS,
              good,
              bad: null,
              total,
              value: null,
            }))
          : [];
      return [
        name,
        {
          ...(last ?? first),
          revisions: [
            revisionOf(first, startMs - DAY_MS),
            ...(last === null ? [] : [revisionOf(last, startMs + changeAt * MINUTE_MS + 17_000)]),
          ],
          adjustments,
          changes: settleMinutes({
            sli: first.sli,
            stored: [],
            changes: received,
            before: UNKNOWN_VALUES,
            isAdjusted: adjustedFinder(adjustments, startMs, untilMs),
            fromMs: startMs,
            untilMs,
          }),
        },
      ];
    }),
  );
}

function revisionOf({ timeWindow, objectives, sli }: SloDefinition, fromMs: number): DefinitionRevision {
  if (sli.type !== 'composite') return { fromMs, timeWindow, objectives };
  const components = sli.components.map((component) => ({ ...component, sloId: component.slo }));
  return { fromMs, timeWindow, objectives, composite: { ...sli, components } };
}

function check(history: History): void {
  const pure = pureSlos(history);
  const untilMs = history.place.startMs + MINUTES * MINUTE_MS;
  for (const level of LEVELS) {
    const { expectRow } = expectedOf(bruteSlos(history), level, MINUTES);
    const { rows } = runPure(pure, level, untilMs);
    for (let t = 1; t <= MINUTES; t += 1) {
      const row = rows.get(history.place.startMs + t * MINUTE_MS);
      const status = row?.status ?? null;
      const orNull = (list: readonly number[] | null | undefined) =>
        list?.map((value) => (Number.isNaN(value) ? null : value)) ?? null;
      expectRow(
        t,
        status === null
          ? null
          : {
              ...status,
              impacts: orNull(row?.composite?.impact),
              delays: orNull(row?.composite?.delay),
              wasDelayed: orNull(row?.composite?.wasDelayed),
            },
      );
    }
  }
}

test('nested composites equal the brute-force reading in the pure core', () => {
  fc.assert(fc.property(histories, check), propertyRuns(20));
}, 240_000);
