import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { makeMatcher } from '../../src/promql/matcher.ts';
import type { Selection, Series } from '../../src/promql/source.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createSeriesStore, type SeriesStore } from '../../src/storage/series-source.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const START = Date.UTC(2026, 2, 10, 23, 20);

const METRICS = {
  reliability: 's.reliability',
  burn_rate: 's.burn_rate',
  sli_ratio_used_total: 's.used_total',
  sli_ratio_received_good:
    'CASE WHEN num_nonnulls(received_good, received_bad, received_total) = 0 THEN used_good ELSE received_good END',
} as const;

interface Look {
  readonly metric: keyof typeof METRICS;
  readonly kind: 'instant' | 'range';
  /** Of the end, in minutes before now; below 0 is ahead of the clock. */
  readonly back: number;
  readonly count: number;
  readonly stepSeconds: number;
  readonly window: number;
  readonly replica: number;
  readonly slo: string | null;
}

type Event =
  | { readonly kind: 'push' | 'stream'; readonly slo: string; readonly back: readonly number[] }
  | { readonly kind: 'tick' }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'look'; readonly looks: readonly Look[] };

const slo = fc.constantFrom('a', 'b', 'c');
const look: fc.Arbitrary<Look> = fc.record({
  metric: fc.constantFrom(...(Object.keys(METRICS) as (keyof typeof METRICS)[])),
  kind: fc.constantFrom('instant', 'range'),
  back: fc.integer({ min: -7, max: 90 }),
  count: fc.integer({ min: 1, max: 9 }),
  stepSeconds: fc.constantFrom(30, 60, 300, 600, 601, 900),
  window: fc.constantFrom(1, 5, 20, 60),
  replica: fc.integer({ min: 0, max: 1 }),
  slo: fc.option(slo),
});
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('push' as const, 'stream' as const),
    slo,
    back: fc.array(fc.oneof(fc.integer({ min: -4, max: 3 }), fc.integer({ min: 0, max: 150 })), {
      minLength: 1,
      maxLength: 6,
    }),
  }),
  fc.record({ kind: fc.constant('tick' as const) }),
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 8 }) }),
  fc.record({ kind: fc.constant('look' as const), looks: fc.array(look, { minLength: 1, maxLength: 4 }) }),
);

function selectionOf(one: Look, nowMs: number): Selection {
  const stepMs = one.stepSeconds * 1000;
  const windowMs = one.window * MINUTE_MS;
  const endMs = nowMs - one.back * MINUTE_MS;
  const startMs = endMs - (one.count - 1) * stepMs;
  return {
    matchers: [
      makeMatcher('__name__', '=', one.metric),
      ...(one.slo === null ? [] : [makeMatcher('slo', '=', one.slo)]),
    ],
    fromMs: startMs - windowMs,
    toMs: endMs,
    hints: { kind: one.kind, startMs, endMs, stepMs, windowMs, around: null, grouping: null },
  };
}

type Samples = readonly (readonly [atMs: number, value: number])[];

/** What the engine sees: each instant's newest sample, or all that are in any window. */
function seen(samples: Samples, { hints }: Selection): Samples {
  const all = new Map<number, number>();
  for (let at = hints.startMs; at <= hints.endMs; at += hints.stepMs) {
    const inWindow = samples.filter(([ms]) => ms > at - hints.windowMs && ms <= at);
    for (const [ms, value] of hints.kind === 'range' ? inWindow : inWindow.slice(-1)) all.set(ms, value);
  }
  return [...all].sort(([a], [b]) => a - b);
}

async function expected(accountId: string, one: Look, selection: Selection, nowMs: number) {
  const rows = await database.query<{ name: string; at: Date; value: number }>(
    `SELECT o.name, s.at, ${METRICS[one.metric]} AS value FROM np_slo_snapshots s
     JOIN np_slos o ON o.source_account_id = s.source_account_id AND o.id = s.slo_id
     WHERE s.source_account_id = $1 AND s.state IS NOT NULL AND s.at <= $2 AND ${METRICS[one.metric]} IS NOT NULL
       AND ($3::text IS NULL OR o.name = $3) ORDER BY o.name, s.at`,
    [accountId, new Date(floorTo(nowMs, MINUTE_MS)), one.slo],
  );
  const bySlo = new Map<string, [number, number][]>();
  for (const { name, at, value } of rows) {
    bySlo.set(name, [...(bySlo.get(name) ?? []), [at.getTime(), value]]);
  }
  return new Map(
    [...bySlo].flatMap(([name, own]) => {
      const samples = seen(own, selection);
      return samples.length === 0 ? [] : [[name, samples] as const];
    }),
  );
}

function found(series: readonly Series[], selection: Selection): Map<string, Samples> {
  return new Map(
    series.flatMap(({ labels, times, values, start, end }) => {
      const samples: [number, number][] = [];
      for (let i = start; i < end; i += 1) samples.push([times[i] ?? Number.NaN, values[i] ?? Number.NaN]);
      for (const [i, [at]] of samples.entries()) {
        expect(at).toBeGreaterThan(samples[i - 1]?.[0] ?? selection.fromMs);
        expect(at).toBeLessThanOrEqual(selection.toMs);
      }
      const looked = seen(samples, selection);
      return looked.length === 0 ? [] : [[labels.values[labels.names.indexOf('slo')] ?? '', looked] as const];
    }),
  );
}

let runs = 0;

async function check(events: readonly Event[], cacheBytes: number): Promise<void> {
  runs += 1;
  const accountId = `account-${runs}`;
  const env = createTestEnvironment(database, START);
  const ctx = actingAs(env, accountId);
  // Every other time the account is one of many SLOs, whose minutes are read whole; those without data say nothing.
  const silent = runs % 2 === 0 ? [] : Array.from({ length: 6 }, (_, n) => `silent-${n}`);
  for (const name of ['a', 'b', 'c', ...silent]) {
    await createSlo({
      ctx,
      input: { name, target: 0.9, time_window: { type: 'rolling', duration: '30m' } },
    });
  }
  const stores: SeriesStore[] = [0, 1].map(() => createSeriesStore({ ...env, cacheBytes }));
  let good = 0;
  for (const one of events) {
    const nowMs = env.clock.now();
    switch (one.kind) {
      case 'wait':
        env.clock.advance(one.minutes * MINUTE_MS + 7000);
        break;
      case 'tick':
        await evaluate(env);
        break;
      case 'push':
      case 'stream': {
        const points = [...new Set(one.back)].map((back) => {
          good += 1;
          return { at: new Date(nowMs - back * MINUTE_MS).toISOString(), good, total: 1000 };
        });
        if (one.kind === 'push') {
          await recordMeasurements({ ctx, input: { id: `default.${one.slo}`, body: { points } } });
        } else {
          const body = points
            .map((point) => JSON.stringify({ slo: `default.${one.slo}`, ...point }))
            .join('\n');
          await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
        }
        break;
      }
      case 'look':
        for (const replica of [0, 1]) {
          const looks = one.looks.filter((each) => each.replica === replica);
          const selections = looks.map((each) => selectionOf(each, nowMs));
          const { signal } = new AbortController();
          const answers = await stores[replica]?.query(accountId, signal, async (source) =>
            (await source.select(selections, signal)).map((series, i) => {
              const selection = selections[i];
              return selection === undefined ? null : found(series, selection);
            }),
          );
          for (const [i, selection] of selections.entries()) {
            const each = looks[i];
            if (each === undefined) continue;
            expect(answers?.[i], JSON.stringify(each)).toEqual(
              await expected(accountId, each, selection, nowMs),
            );
          }
        }
    }
  }
}

test.each([
  ['a cache that holds all', 64 * 1024 * 1024],
  ['a cache that holds a few columns', 12_000],
  ['no cache', 0],
])(
  'with %s, every replica answers what the rows say, whatever was written before on any of them',
  async (_, cacheBytes) => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 4, maxLength: 24 }), (events) =>
        check(events, cacheBytes),
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 12), endOnFailure: true },
    );
  },
  180_000,
);
