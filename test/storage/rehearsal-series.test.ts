import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { makeMatcher } from '../../src/promql/matcher.ts';
import type { Selection } from '../../src/promql/source.ts';
import type { ReadTx } from '../../src/storage/client.ts';
import { createRehearsalSeries } from '../../src/storage/rehearsal-series.ts';
import { createSeriesStore } from '../../src/storage/series-source.ts';

const LOOKBACK = 5 * MINUTE_MS;

function newestAt(atMs: number): Selection {
  return {
    matchers: [makeMatcher('__name__', '=', 'burn_rate')],
    fromMs: atMs - LOOKBACK,
    toMs: atMs,
    hints: {
      kind: 'instant',
      startMs: atMs,
      endMs: atMs,
      stepMs: 1,
      windowMs: LOOKBACK,
      around: null,
      grouping: null,
    },
  };
}

test('made-up series are read as real ones are, every other time from what is kept', async () => {
  const { db, clock } = createRehearsalSeries();
  const statements: string[] = [];
  const watched: typeof db = {
    once: db.once,
    tenantSnapshot: (accountId, work) =>
      db.tenantSnapshot(accountId, (tx) => {
        const query: ReadTx['client']['query'] = (statement) => {
          statements.push(statement.name);
          return tx.client.query(statement);
        };
        return work({ client: { query } });
      }),
  };
  const store = createSeriesStore({ db: watched, clock, cacheBytes: 16 * 1024 * 1024 });
  const ask = async () => {
    statements.length = 0;
    const atMs = clock.now();
    const [series = []] = await store.query('primary', new AbortController().signal, (source) =>
      source.select([newestAt(atMs)], new AbortController().signal),
    );
    return { atMs, series, statements: [...statements] };
  };
  const { atMs, series, ...first } = await ask();
  expect(first.statements).toEqual(['series-histories', 'series-definitions', 'minutes-burn_rate-stretch']);
  expect(series).toHaveLength(200);
  for (const { labels, times, values, end } of series) {
    const n = Number(labels.values[labels.names.indexOf('slo')]?.slice('slo-'.length));
    expect([times[end - 1], values[end - 1]]).toEqual([atMs, ((n * 7 + atMs / MINUTE_MS) % 100) / 10]);
  }
  expect((await ask()).statements).toEqual([]);
  expect((await ask()).statements).toEqual(['series-state', 'series-histories', 'minutes-burn_rate-stretch']);
  expect((await ask()).statements).toEqual([]);
});
