import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import type { SloMetricName } from '../../src/slo/slo-metrics.ts';
import { loadWholeMinutes, readsWholeMinutes } from '../../src/storage/minute-samples.ts';
import { loadSamples, type SampleRange, type SampleRow } from '../../src/storage/sample-rows.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
// A Monday, with which a partition begins.
const NOW = Date.UTC(2026, 2, 9, 1);
const ctx = actingAs(createTestEnvironment(database, NOW), 'whole');
const minute = (n: number): number => NOW + n * MINUTE_MS;

/** Twelve, one without data, those of even numbers of two objectives; each begins later than the one before, and has gaps. */
for (let n = 0; n < 12; n += 1) {
  const ofValues = n % 2 === 0;
  const slo = await createSlo({
    ctx,
    input: ofValues
      ? {
          name: `slo-${n}`,
          sli: { type: 'threshold' },
          objectives: [
            { name: 'fast', target: 0.9, op: 'lt', value: 0.5 },
            { name: 'usable', target: 0.99, op: 'lt', value: 0.8 },
          ],
        }
      : { name: `slo-${n}`, target: 0.9, time_window: { type: 'rolling', duration: '30m' } },
  });
  if (n === 7) continue;
  const points: object[] = [];
  for (let at = -110 + n * 3; at < 0; at += 1) {
    if ((at * 7 + n) % 5 === 0) continue;
    const time = new Date(minute(at)).toISOString();
    points.push(
      ofValues
        ? { at: time, value: (((at + 200) * 31) % 100) / 100 }
        : { at: time, good: at + 200, total: 400 },
    );
  }
  await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
}

const RANGES: Readonly<Record<string, SampleRange>> = {
  'a stretch over two partitions': { kind: 'stretch', fromMs: NOW - 2 * HOUR_MS, toMs: NOW },
  'a stretch that ends before the last SLO begins': {
    kind: 'stretch',
    fromMs: minute(-105),
    toMs: minute(-100),
  },
  'one minute': { kind: 'stretch', fromMs: minute(-1), toMs: NOW },
  'instants, of which some have no row': {
    kind: 'instants',
    instants: [minute(-200), minute(-109), minute(-90), minute(-60), minute(-59), NOW],
  },
  'no minute that has rows': { kind: 'stretch', fromMs: minute(-300), toMs: minute(-200) },
};
const METRICS = [
  'reliability',
  'count_good',
  'sli_threshold',
  'sli_ratio_used_total',
  'sli_ratio_received_good',
] as const;

const inOrder = (rows: readonly SampleRow[]) =>
  rows
    .map(({ times, values, ...row }) => ({ ...row, times: [...times], values: [...values] }))
    .sort((a, b) => (a.sloId + a.objective < b.sloId + b.objective ? -1 : 1));

function both(accountId: string, metric: SloMetricName, range: SampleRange) {
  return ctx.db.tenantSnapshot(accountId, async (tx) => ({
    byMinute: inOrder(await loadWholeMinutes(tx, { accountId, metric, range })),
    bySeries: inOrder(await loadSamples(tx, { accountId, metric, sloIds: null, range })),
  }));
}

test.each(Object.keys(RANGES).flatMap((name) => METRICS.map((metric) => [name, metric] as const)))(
  '%s of %s: read minute by minute they are what they are series by series',
  async (name, metric) => {
    const range = RANGES[name];
    if (range === undefined) throw new Error(name);
    const { byMinute, bySeries } = await both('whole', metric, range);
    expect(byMinute).toEqual(bySeries);
  },
);

test('the stretch has samples of series that are there from the start, that begin later, and that have gaps', async () => {
  const stretch: SampleRange = { kind: 'stretch', fromMs: NOW - 2 * HOUR_MS, toMs: NOW };
  const { byMinute } = await both('whole', 'sli_ratio_used_total', stretch);
  // Six SLOs of values with two objectives each, and five of counts with data: 1, 3, 5, 9, 11. Each lacks a fifth of
  // its 110 - 3n minutes.
  const begins = new Set(byMinute.map(({ times }) => times[0]));
  expect(byMinute).toHaveLength(6 * 2 + 5);
  expect(begins.size).toBeGreaterThan(1);
  for (const { times } of byMinute) {
    const minutes = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / MINUTE_MS + 1;
    expect(times.length).toBeLessThan(minutes);
  }
});

test('an account sees nothing of another one', async () => {
  const range: SampleRange = { kind: 'stretch', fromMs: NOW - 2 * HOUR_MS, toMs: NOW };
  expect((await both('other', 'reliability', range)).byMinute).toEqual([]);
});

test('only metrics with one value a row, of accounts with many rows a minute, are read so', () => {
  expect(readsWholeMinutes('reliability', 8)).toBe(true);
  expect(readsWholeMinutes('reliability', 7)).toBe(false);
  expect(readsWholeMinutes('component_delay', 100)).toBe(false);
});
