import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { ServiceError } from '../../src/lib/errors.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream, type StreamResult } from '../../src/services/record-stream.ts';
import type { Tx } from '../../src/storage/client.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 20, 12, 0, 30);
const minute = (back: number): string =>
  new Date(Math.floor(NOW / MINUTE_MS - back) * MINUTE_MS).toISOString();

/** A hundred thousand points, on a machine that has much else to do. */
const SLOW_MS = 120_000;

let accounts = 0;

async function account(definition: object = {}) {
  accounts += 1;
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, `account-${accounts}`);
  const slo = await createSlo({ ctx, input: { name: 'api', target: 0.9, ...definition } });
  const stream = (lines: readonly (object | string)[]): Promise<StreamResult> => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    return recordStream({ ctx, input: { body: new Blob([text]).stream() } });
  };
  const push = (points: readonly object[]) =>
    recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
  const counts = async (objective = 'default') => {
    const status = (await readStatuses({ ctx, input: { slos: [await getSlo({ ctx, input: slo })] } })).get(
      slo.id,
    );
    const found = status?.objectives.find((candidate) => candidate.objective === objective);
    return [found?.countGood ?? null, found?.countTotal ?? null];
  };
  return { env, ctx, slo, stream, push, counts };
}

test('points of a minute in one request add up, and a later request replaces what it brings', async () => {
  const { push, counts } = await account();
  await push([
    { at: minute(2), good: 4, total: 5 },
    { at: minute(3), good: 10, total: 10 },
    { at: minute(2), good: 5, total: 5 },
  ]);
  expect(await counts()).toEqual([19, 20]);
  await push([{ at: minute(2), good: 1, total: 5 }]);
  expect(await counts()).toEqual([11, 15]);
  await push([{ at: minute(2), good: 1, total: 5 }]);
  expect(await counts()).toEqual([11, 15]);
});

test('counterparts that come apart make a minute when both are there, and good is clamped to total', async () => {
  const { push, counts } = await account();
  await push([{ at: minute(2), good: 7 }]);
  expect(await counts()).toEqual([null, null]);
  await push([{ at: minute(2), total: 5 }]);
  expect(await counts()).toEqual([5, 5]);
  const rows = await database.query(
    'SELECT used_good, used_total, received_good, received_total FROM np_slo_snapshots WHERE used_total = 5 AND received_good = 7',
  );
  expect(rows).toEqual([{ used_good: 5, used_total: 5, received_good: 7, received_total: 5 }]);
});

test('in a stream a minute adds up while no other comes between, and replaces when it comes again', async () => {
  const { stream, counts } = await account();
  const line = (back: number, good: number) => ({ slo: 'default.api', at: minute(back), good, total: 10 });
  expect(await stream([line(5, 1), line(5, 2), line(4, 10), line(5, 4), line(5, 4)])).toEqual({
    accepted: 5,
    rejected: 0,
    errors: [],
  });
  // Minute 5: 4 + 4 of 20, not 11 of 40; minute 4: 10 of 10.
  expect(await counts()).toEqual([18, 30]);
});

test('a stream refuses bad lines by their numbers and stores the rest', async () => {
  const { stream, counts, slo } = await account();
  const good = { slo: slo.id, at: minute(1), good: 9, total: 10 };
  const result = await stream([
    `\uFEFF${JSON.stringify(good)}`,
    '',
    '{"slo": "default.api", "at": ',
    { ...good, slo: 'default.nothing' },
    { ...good, good: -1 },
    { ...good, good: 11 },
    { ...good, at: '2026-02-30T00:00:00Z' },
    { ...good, at: minute(-6) },
    { ...good, at: minute(101 * 24 * 60) },
    { at: minute(1), good: 1, total: 1 },
    { ...good, colour: 'red' },
    `{"slo":"${'x'.repeat(70_000)}"}`,
    '[1]',
    { ...good, at: minute(2) },
  ]);
  expect(result.accepted).toBe(2);
  expect(result.rejected).toBe(11);
  expect(result.errors.map(({ line, message }) => `${line} ${message}`)).toEqual([
    '3 The line is not valid JSON.',
    '4 slo: There is no such SLO.',
    '5 good: must be at least 0',
    expect.stringMatching(/^6 /),
    expect.stringMatching(/^7 at: must be an RFC 3339 time/),
    '8 at: is more than 5 minutes in the future',
    '9 at: is older than 100d, as far as data is kept',
    '10 slo: must be the UUID of an SLO or project.name',
    '11 colour: is not a known field',
    '12 The line is longer than 65536 bytes.',
    '13 The line must be a JSON object.',
  ]);
  expect(await counts()).toEqual([18, 20]);
});

test('a stream that breaks off keeps what was committed and says so, and pushing it again is safe', async () => {
  const { ctx, stream, counts } = await account();
  const lines = Array.from({ length: 60_000 }, (_, i) => ({
    slo: 'default.api',
    at: minute(200 - Math.floor(i / 400)),
    good: 1,
    total: 1,
  }));
  const whole = lines.map((line) => `${JSON.stringify(line)}\n`);
  const broken = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < 55_000; i += 1000) {
        controller.enqueue(Buffer.from(whole.slice(i, i + 1000).join('')));
      }
    },
    pull(controller) {
      controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    },
  });
  await expect(recordStream({ ctx, input: { body: broken } })).rejects.toMatchObject({ code: 'malformed' });
  // 40,000 lines are a chunk: the first 100 minutes of 400 points.
  expect(await counts()).toEqual([40_000, 40_000]);
  expect(await stream(lines)).toMatchObject({ accepted: 60_000 });
  expect(await counts()).toEqual([60_000, 60_000]);
});

test('a minute that a chunk ends in goes on in the next one', async () => {
  const { stream, counts } = await account();
  const lines = Array.from({ length: 120_000 }, () => ({
    slo: 'default.api',
    at: minute(3),
    good: 1,
    total: 1,
  }));
  expect(await stream(lines)).toMatchObject({ accepted: 120_000 });
  expect(await counts()).toEqual([120_000, 120_000]);
});

test('a later chunk counts what came in before all that the chunks look back to', async () => {
  const { ctx, slo, push, counts } = await account({ time_window: { type: 'rolling', duration: '28d' } });
  // Days before the day that the look-backs begin in.
  await push([{ at: minute(2 * 1440), good: 0, total: 1000 }]);
  await push(Array.from({ length: 90 }, (_, i) => ({ at: minute(i + 1), good: 10, total: 10 })));
  const lines = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({ slo: slo.id, at: minute(60 - i), good: 5, total: 10 }),
  );
  const body = new Blob([lines.join('\n')]).stream();
  await recordStream({ ctx, input: { body }, limits: { chunkLines: 7 } });
  expect(await counts()).toEqual([90 * 10 - 30 * 5, 1000 + 90 * 10]);
  const rows = await database.query<{ at: Date; count_total: number }>(
    'SELECT at, count_total FROM np_slo_snapshots WHERE slo_id = $1 AND at > $2 ORDER BY at',
    [slo.id, minute(90)],
  );
  expect(rows.map(({ count_total }) => count_total)).toEqual(rows.map((_, i) => 1000 + (i + 1) * 10));
});

test('the first errors are told in the order of their lines, whichever chunk is looked at first', async () => {
  const { stream } = await account();
  const fine = { slo: 'default.api', at: minute(3), good: 1, total: 1 };
  const unknown = { ...fine, slo: 'default.nobody' };
  const nonsense = Array.from({ length: 120 }, () => 'nonsense');
  const { accepted, rejected, errors } = await stream([
    unknown,
    ...Array.from({ length: 40_000 }, () => fine),
    ...nonsense,
    unknown,
  ]);
  expect([accepted, rejected]).toEqual([40_000, 122]);
  expect(errors.map(({ line }) => line)).toEqual([1, ...Array.from({ length: 99 }, (_, i) => 40_002 + i)]);
  expect(errors[0]?.message).toBe('slo: There is no such SLO.');
});

test(
  'a stream whose points cannot be stored fails as soon as that is known, though more would come',
  async () => {
    const { ctx } = await account();
    const failure = new ServiceError('unavailable', 'The database went away; try again.');
    let transactions = 0;
    const failing = {
      ...ctx.db,
      tenant: <T>(accountId: string, work: (tx: Tx) => Promise<T>): Promise<T> => {
        transactions += 1;
        // The first one looks the names up, the second one stores.
        return transactions === 2 ? Promise.reject(failure) : ctx.db.tenant(accountId, work);
      },
    };
    const lines = (from: number): Uint8Array =>
      Buffer.from(
        `${Array.from({ length: 10_000 }, (_, i) =>
          JSON.stringify({ slo: 'default.api', at: minute(1 + from + i), good: 1, total: 1 }),
        ).join('\n')}\n`,
      );
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(lines(sent));
        sent += 10_000;
      },
    });
    const input = { body: endless };
    await expect(recordStream({ ctx: { ...ctx, db: failing }, input })).rejects.toBe(failure);
    expect(transactions).toBe(2);
  },
  SLOW_MS,
);

test('minutes that come in any order are those that count', async () => {
  const { stream, counts } = await account();
  const order = [7, 3, 9, 3, 8, 2, 9, 1];
  const lines = order.map((back, i) => ({ slo: 'default.api', at: minute(back), good: i, total: 10 }));
  expect(await stream(lines)).toMatchObject({ accepted: 8 });
  // The last of each minute: 7 has 0, 3 has 3, 9 has 6, 8 has 4, 2 has 5, 1 has 7.
  expect(await counts()).toEqual([25, 60]);
});

test('threshold points count for every objective by its own bound, and an objective can be named', async () => {
  const { push, counts } = await account({
    sli: { type: 'threshold' },
    target: undefined,
    objectives: [
      { name: 'fast', op: 'lte', value: 200, target: 0.9 },
      { name: 'ok', op: 'lt', value: 500, target: 0.99 },
    ],
  });
  await push([
    { at: minute(2), value: 200 },
    { at: minute(2), value: 499 },
    { at: minute(2), value: 500 },
    { at: minute(3), value: true, objective: 'ok' },
  ]);
  expect(await counts('fast')).toEqual([1, 3]);
  expect(await counts('ok')).toEqual([3, 4]);
});

test('an SLO that goes away while a stream runs only loses its own lines', async () => {
  const { ctx, slo, stream } = await account();
  await deleteSlo({ ctx, input: slo });
  const result = await stream([{ slo: slo.id, at: minute(1), good: 1, total: 1 }]);
  expect(result).toEqual({
    accepted: 0,
    rejected: 1,
    errors: [{ line: 1, message: 'slo: There is no such SLO.' }],
  });
});

test('a series that begins with the last minute of a UTC day counts it', async () => {
  const { stream, counts } = await account();
  const at = '2026-11-19T23:59:10Z';
  expect(await stream([{ slo: 'default.api', at, good: 9, total: 10 }])).toMatchObject({ accepted: 1 });
  expect(await counts()).toEqual([9, 10]);
});

/** Fifty minutes of the past with 800 points each: as many lines as are stored together. */
function fiftyMinutes(hoursBack: number): Uint8Array {
  const lines = Array.from({ length: 50 * 800 }, (_, i) =>
    JSON.stringify({
      slo: 'default.api',
      at: minute(hoursBack * 60 - Math.floor(i / 800)),
      good: 9,
      total: 10,
    }),
  );
  return Buffer.from(`${lines.join('\n')}\n`);
}

test(
  'a tick in a stream that fills up the past leaves its snapshots alone until the stream ends or stays away',
  async () => {
    const { ctx, env, slo, counts } = await account();
    const rows = async (): Promise<number> => {
      const [row] = await database.query<{ n: string }>(
        'SELECT count(*) AS n FROM np_slo_snapshots WHERE slo_id = $1 AND state IS NOT NULL',
        [slo.id],
      );
      return Number(row?.n);
    };
    const stored = waiter();
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        feed = controller;
      },
    });
    const own = { ...ctx, onPointsStored: () => stored.wake() };
    const streaming = recordStream({ ctx: own, input: { body } });
    feed?.enqueue(fiftyMinutes(48));
    await stored.next();
    expect(await rows()).toBe(50);

    await evaluate(env);
    env.clock.advance(MINUTE_MS);
    await evaluate(env);
    expect(await rows()).toBe(50);

    // The ten minutes between have snapshots too.
    feed?.enqueue(fiftyMinutes(47));
    await stored.next();
    expect(await rows()).toBe(110);

    // Nothing has come for two minutes: the tick does not wait any longer.
    env.clock.advance(2 * MINUTE_MS);
    await evaluate(env);
    const complete = await rows();
    // From the end of the first minute, 48 h less a minute before the stream began, to three minutes after that.
    expect(complete).toBe(48 * 60 + 3);

    feed?.enqueue(fiftyMinutes(46));
    feed?.close();
    expect(await streaming).toMatchObject({ accepted: 3 * 50 * 800 });
    expect(await rows()).toBe(complete);
    expect(await counts()).toEqual([150 * 800 * 9, 150 * 800 * 10]);
  },
  SLOW_MS,
);

/** Told of something, over and over; each `next` waits for one more time. */
function waiter() {
  let told = 0;
  let waiting: (() => void) | null = null;
  return {
    wake(): void {
      told += 1;
      waiting?.();
    },
    async next(): Promise<void> {
      while (told === 0) {
        await new Promise<void>((resolve) => {
          waiting = resolve;
        });
      }
      told -= 1;
    },
  };
}
