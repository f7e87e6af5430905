import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { startBackfill } from '../../src/services/backfill.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { minuteOf, type Point } from '../../src/slo/sli.ts';
import {
  NO_FIELDS,
  type SourceAnswer,
  SourceError,
  type SourceReader,
} from '../../src/sources/source-reader.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs } from '../support/environment.ts';
import { expectSnapshots } from '../support/expect-snapshots.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const AT = NOW - 10_000;
const SLICE_MS = 2 * HOUR_MS;
const settings = {
  prometheus: { main: { url: 'http://127.0.0.1:1', headers: {}, accounts: ['primary'] } },
  tables: {},
};

/** Ten events in every third minute, one of them bad in every ninth. */
function pointsOf(fromMs: number, toMs: number) {
  const points: (Point & { readonly good: number; readonly total: number })[] = [];
  for (let atMs = minuteOf(fromMs); atMs < toMs; atMs += MINUTE_MS) {
    const minute = atMs / MINUTE_MS;
    if (minute % 3 === 0) points.push({ ...NO_FIELDS, atMs, good: minute % 9 === 0 ? 9 : 10, total: 10 });
  }
  return points;
}

/** A source of its own for each test, which answers as `answer` says, two hours at a time. */
function setUp(
  answer: (fromMs: number, toMs: number) => SourceAnswer = (fromMs, toMs) => ({
    points: pointsOf(fromMs, toMs),
    note: null,
  }),
) {
  const asked: (readonly [fromMs: number, requests: number])[] = [];
  const reader: SourceReader = {
    maxRequests: 10,
    concurrency: 1,
    maxRangeMs: () => SLICE_MS,
    async read(requests) {
      asked.push([requests[0]?.fromMs ?? 0, requests.length]);
      return requests.map(({ fromMs, toMs }) => answer(fromMs, toMs));
    },
  };
  const pulling = createPulling(database, NOW, settings, {
    nameOf: () => 'prometheus:main',
    readerOf: () => reader,
  });
  const stored: number[] = [];
  Object.assign(pulling.env, { onPointsStored: (points: number) => stored.push(points) });
  const ctx = actingAs(pulling.env, 'primary');
  const create = async (name: string): Promise<string> => {
    const source = { type: 'prometheus', source: 'main', good: 'good', total: 'total' };
    const id = await pulling.create(name, source, {
      slo: { time_window: { type: 'rolling', duration: '28d' } },
    });
    await pulling.settle();
    asked.length = 0;
    stored.length = 0;
    return id;
  };
  return { ...pulling, ctx, create, asked, stored };
}

test('a past range is read piece by piece, and stored as one', async () => {
  const { ctx, create, settle, slo, asked, stored } = setUp();
  const id = await create('together');
  const fromMs = AT - 2 * DAY_MS;
  await startBackfill({ ctx, input: { id, fromMs } });
  await settle();
  // Two days are 24 pieces of two hours; a third of 2,880 minutes has a point.
  expect(asked.map(([ms]) => ms)).toEqual(Array.from({ length: 24 }, (_, i) => fromMs + i * SLICE_MS));
  expect(stored).toEqual([960]);
  expect((await slo(id)).backfill).toMatchObject({ nextMs: AT, minutes: 960, lastError: null });
  const minutes = pointsOf(fromMs, AT).map(({ atMs, good, total }) => ({ minuteMs: atMs, good, total }));
  await expectSnapshots({ database, ctx, id, minutes, complete: true, every: { snapshot: 7, status: 301 } });
});

test('SLOs whose ranges begin together are read together, and each up to its own end', async () => {
  const { ctx, create, settle, slo, asked } = setUp();
  const [one, two] = [await create('one'), await create('two')];
  const fromMs = AT - 10 * HOUR_MS;
  await startBackfill({ ctx, input: { id: one, fromMs, toMs: AT - 5 * HOUR_MS } });
  await startBackfill({ ctx, input: { id: two, fromMs } });
  await settle();
  // The first one's last piece is an hour long, and so read apart from the second one's of two.
  expect(asked.slice(0, 2)).toEqual([
    [fromMs, 2],
    [fromMs + SLICE_MS, 2],
  ]);
  const [first, second] = [(await slo(one)).backfill, (await slo(two)).backfill];
  expect([first?.nextMs, first?.minutes]).toEqual([AT - 5 * HOUR_MS, 100]);
  expect([second?.nextMs, second?.minutes]).toEqual([AT, 200]);
});

test.each([
  ['refused', (): SourceAnswer => ({ failure: 'good: refused' })],
  [
    'away',
    (): SourceAnswer => {
      throw new SourceError('the source is away');
    },
  ],
] as const)(
  'what was read before a piece that is %s is stored, and the failure shown',
  async (name, fail) => {
    const fromMs = AT - 10 * HOUR_MS;
    let isBroken = true;
    const { ctx, create, settle, slo, env, asked, stored } = setUp((from, to) =>
      isBroken && from >= fromMs + 2 * SLICE_MS && from < AT - HOUR_MS
        ? fail()
        : { points: pointsOf(from, to), note: null },
    );
    const id = await create(`broken-${name}`);
    await startBackfill({ ctx, input: { id, fromMs } });
    await settle();
    // Two of five pieces, of 40 points each; the third fails where it ends the reading, and again where a round begins.
    expect(stored.filter((points) => points > 0)).toEqual([80]);
    expect(asked.map(([ms]) => ms).filter((ms) => ms === fromMs + 2 * SLICE_MS)).toHaveLength(2);
    const { backfill } = await slo(id);
    expect(backfill).toMatchObject({ nextMs: fromMs + 2 * SLICE_MS, minutes: 80, finishedAtMs: null });
    expect(backfill?.lastError).toMatch(/refused|away/);
    isBroken = false;
    env.clock.advance(10 * MINUTE_MS);
    await settle();
    expect((await slo(id)).backfill).toMatchObject({ nextMs: AT, minutes: 200, lastError: null });
  },
);

test('a round does not go on for longer than the newest minutes of others may wait', async () => {
  let tick: () => void = () => undefined;
  const { ctx, create, settle, env, stored } = setUp((fromMs, toMs) => {
    tick();
    return { points: pointsOf(fromMs, toMs), note: null };
  });
  const id = await create('slow');
  await startBackfill({ ctx, input: { id, fromMs: AT - 10 * HOUR_MS } });
  // Each piece takes a second and a half: after two of them the two seconds are over.
  tick = () => env.clock.advance(1500);
  await settle();
  expect(stored.filter((points) => points > 0)).toEqual([80, 80, 40]);
});

test('a source that was away for days is caught up with, and what stands on the way is right', async () => {
  let awayFrom = Number.POSITIVE_INFINITY;
  const { ctx, create, settle, env } = setUp((fromMs, toMs) =>
    toMs > awayFrom ? { failure: 'away' } : { points: pointsOf(fromMs, toMs), note: null },
  );
  const id = await create('outage');
  awayFrom = AT;
  const known = (untilMs: number) =>
    pointsOf(AT - 15 * MINUTE_MS, untilMs).map(({ atMs, good, total }) => ({ minuteMs: atMs, good, total }));
  const look = (untilMs: number, complete: boolean) =>
    expectSnapshots({
      ...{ database, ctx, id, minutes: known(untilMs), complete },
      every: { snapshot: 7, status: 301 },
    });
  env.clock.advance(2 * DAY_MS);
  await settle();
  await evaluate(env);
  await look(AT, true);

  // It is back for a day of what was missed.
  awayFrom = AT + DAY_MS;
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  await look(AT + DAY_MS, false);
  const [row] = await database.query<{ last: Date }>(
    'SELECT max(at) AS last FROM np_slo_snapshots WHERE slo_id = $1',
    [id],
  );
  // What is behind the newest minute that came in is left to whoever comes to the end.
  expect(row?.last.getTime()).toBe((known(AT + DAY_MS).at(-1)?.minuteMs ?? 0) + MINUTE_MS);
  // Nothing more comes for three minutes: the evaluator does not wait any longer.
  env.clock.advance(3 * MINUTE_MS);
  await evaluate(env);
  await look(AT + DAY_MS, true);

  awayFrom = Number.POSITIVE_INFINITY;
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  await look(AT + 2 * DAY_MS + 23 * MINUTE_MS, true);
});
