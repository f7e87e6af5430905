import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { rowsByMinute } from '../../src/slo/rows-by-minute.ts';
import { SnapshotBatch } from '../../src/slo/snapshot-batch.ts';

const row = (series: number, minute: number) => ({
  series,
  at: minute * MINUTE_MS,
  minute: {
    usedGood: series * 100 + minute,
    usedTotal: Number.NaN,
    receivedGood: Number.NaN,
    receivedBad: Number.NaN,
    receivedTotal: Number.NaN,
    value: Number.NaN,
    counterPoints: minute === 3 ? `[${series}]` : null,
    dataUnused: minute === 2,
  },
  runGood: { high: 0, low: 0 },
  runTotal: { high: 0, low: 0 },
  composite: null,
  sliceReliability: Number.NaN,
  status: null,
  state: null,
  baseGood: minute === 1 ? `${series}` : null,
  baseTotal: minute === 1 ? '0' : null,
});

function batch(...rows: ReturnType<typeof row>[]): SnapshotBatch {
  const all = new SnapshotBatch(1);
  for (const one of rows) all.add(one);
  return all;
}

test('rows series by series become rows minute by minute, with all that belongs to them', () => {
  const sorted = rowsByMinute(
    batch(row(0, 1), row(0, 2), row(0, 3), row(1, 1), row(1, 3), row(2, 2), row(2, 40)),
  );
  expect([...sorted.at].map((ms) => ms / MINUTE_MS)).toEqual([1, 1, 2, 2, 3, 3, 40]);
  expect([...sorted.series]).toEqual([0, 1, 0, 2, 0, 1, 2]);
  expect(sorted.column('usedTotal')).toBeNull();
  expect([...(sorted.column('usedGood') ?? [])]).toEqual([1, 101, 2, 202, 3, 103, 240]);
  expect(sorted.bases.map(({ row: at, good }) => [at, good])).toEqual([
    [0, '0'],
    [1, '1'],
  ]);
  expect(sorted.dataUnused).toEqual([2, 3]);
  expect(sorted.counterPoints).toEqual([
    { row: 4, json: '[0]' },
    { row: 5, json: '[1]' },
  ]);
});

test('rows that stand in order stay as they are', () => {
  const rows = batch(row(0, 1), row(1, 1), row(0, 2));
  expect(rowsByMinute(rows)).toBe(rows);
});
