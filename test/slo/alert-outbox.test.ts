import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { retryWaitMs } from '../../src/lib/retry-wait.ts';
import {
  type AlertMessage,
  type AlertNews,
  type AlertReceiver,
  nextDueMs,
} from '../../src/slo/alert-message.ts';
import {
  type AlertOutbox,
  claimMessages,
  type DeliveryOutcome,
  settleMessage,
  tidyOutbox,
  withNews,
} from '../../src/slo/alert-outbox.ts';
import { undeliveredAlerts } from '../../src/slo/undelivered-alerts.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const BOTH: readonly AlertReceiver[] = ['router', 'alertmanager'];
const LEASE = MINUTE_MS;

function news(
  id: string,
  alert: string,
  change: 'firing' | 'resolved',
  atMs = NOON,
  sinceMs = NOON,
): AlertNews {
  const endMs = change === 'firing' ? null : atMs;
  return { id, alert, sinceMs, endMs, decidedMs: atMs, labels: {}, annotations: {} };
}

function claim(outbox: AlertOutbox, receiver: AlertReceiver, nowMs: number, receivers = BOTH, limit = 10) {
  return claimMessages(outbox, receiver, { receivers, nowMs, leaseMs: LEASE, limit });
}

const ids = (messages: readonly { id: string }[]): string[] => messages.map(({ id }) => id);
const only = (messages: readonly AlertMessage[]): AlertMessage => {
  const [first] = messages;
  if (first === undefined || messages.length > 1) throw new Error(`${messages.length} messages`);
  return first;
};

describe('a claim', () => {
  test('is for one receiver, and ends when its lease does', () => {
    const outbox = withNews([], [news('a', 'x/1', 'firing')], NOON);
    const first = claim(outbox, 'router', NOON);
    expect(ids(first.claimed)).toEqual(['a']);
    expect(ids(claim(first.outbox, 'router', NOON + LEASE - 1).claimed)).toEqual([]);
    expect(ids(claim(first.outbox, 'router', NOON + LEASE).claimed)).toEqual(['a']);
    expect(ids(claim(first.outbox, 'alertmanager', NOON).claimed)).toEqual(['a']);
  });

  test('takes the changes of one alert one after the other, and other alerts beside it', () => {
    const all = [
      news('a', 'x/1', 'firing'),
      news('b', 'x/1', 'resolved'),
      news('c', 'y/1', 'firing'),
      news('d', 'x/1', 'firing'),
    ];
    const first = claim(withNews([], all, NOON), 'router', NOON, ['router']);
    expect(ids(first.claimed)).toEqual(['a', 'c']);
    // b waits as long as a does, so that nobody looks in vain.
    expect(first.outbox[1]?.deliveries.router?.dueMs).toBe(NOON + LEASE);
    const [a] = first.claimed;
    if (a === undefined) throw new Error('nothing claimed');
    const taken = settleMessage(
      first.outbox,
      'router',
      a,
      { kind: 'taken' },
      { receivers: ['router'], nowMs: NOON + 1 },
    );
    expect(ids(taken)).toEqual(['b', 'c', 'd']);
    expect(ids(claim(taken, 'router', NOON + 1, ['router']).claimed)).toEqual(['b']);
  });

  test('takes no more than the limit', () => {
    const outbox = withNews([], [news('a', 'x/1', 'firing'), news('b', 'x/2', 'firing')], NOON);
    const first = claim(outbox, 'router', NOON, BOTH, 1);
    expect(ids(first.claimed)).toEqual(['a']);
    expect(ids(claim(first.outbox, 'router', NOON).claimed)).toEqual(['b']);
  });
});

describe('an outcome', () => {
  const claimed = () => claim(withNews([], [news('a', 'x/1', 'firing')], NOON), 'router', NOON);
  const settle = (outcome: DeliveryOutcome, nowMs = NOON, { outbox, claimed: sent } = claimed()) =>
    settleMessage(outbox, 'router', only(sent), outcome, { receivers: BOTH, nowMs });

  test('taken by one receiver leaves the message for the other, taken by both removes it', () => {
    const half = settle({ kind: 'taken' });
    expect(ids(claim(half, 'router', NOON + DAY_MS).claimed)).toEqual([]);
    const rest = claim(half, 'alertmanager', NOON);
    const done = settleMessage(
      rest.outbox,
      'alertmanager',
      only(rest.claimed),
      { kind: 'taken' },
      {
        receivers: BOTH,
        nowMs: NOON,
      },
    );
    expect(done).toEqual([]);
  });

  test('failed says when to try again; refused gives up at once', () => {
    const failed = settle({ kind: 'failed', error: 'is away', dueMs: NOON + 7000 });
    expect(failed[0]?.deliveries.router).toEqual({
      state: 'waiting',
      attempts: 1,
      dueMs: NOON + 7000,
      lastError: 'is away',
    });
    expect(settle({ kind: 'refused', error: 'no' })[0]?.deliveries.router).toMatchObject({
      state: 'given_up',
      dueMs: null,
      lastError: 'no',
    });
    expect(settle({ kind: 'cut' })[0]?.deliveries.router).toMatchObject({ state: 'waiting', dueMs: NOON });
  });

  test('failed for three days gives up', () => {
    const outcome = { kind: 'failed', error: 'is away', dueMs: NOON + 4 * DAY_MS } as const;
    expect(settle(outcome, NOON + 3 * DAY_MS - 1)[0]?.deliveries.router?.state).toBe('waiting');
    expect(settle(outcome, NOON + 3 * DAY_MS)[0]?.deliveries.router?.state).toBe('given_up');
  });

  test('that comes when somebody else has claimed the message counts only where it was taken', () => {
    const first = claimed();
    const second = claim(first.outbox, 'router', NOON + LEASE);
    const late = (outcome: DeliveryOutcome) =>
      settle(outcome, NOON + LEASE + 1, { outbox: second.outbox, claimed: first.claimed });
    expect(late({ kind: 'failed', error: 'is away', dueMs: 0 })).toBe(second.outbox);
    expect(late({ kind: 'refused', error: 'no' })).toBe(second.outbox);
    expect(late({ kind: 'taken' })[0]?.deliveries.router?.state).toBe('taken');
  });
});

describe('what is kept', () => {
  test('is a hundred messages; those that were given up go first, then the oldest', () => {
    const old = Array.from({ length: 100 }, (_, i) => news(`${i}`, `x/${i}`, 'firing'));
    const { outbox, claimed } = claim(withNews([], old, NOON), 'router', NOON, ['router'], 100);
    const options = { receivers: ['router'] as const, nowMs: NOON };
    const third = claimed[3];
    if (third === undefined) throw new Error('nothing claimed');
    const dead = settleMessage(outbox, 'router', third, { kind: 'refused', error: 'no' }, options);
    const full = withNews(dead, [news('new', 'y/1', 'firing'), news('newer', 'y/2', 'firing')], NOON);
    expect(full).toHaveLength(100);
    expect(ids(full).slice(0, 4)).toEqual(['1', '2', '4', '5']);
    expect(ids(full).slice(-2)).toEqual(['new', 'newer']);
  });

  test('where nobody sends anything is what fires, and an hour of what is over', () => {
    const begun = withNews([], [news('a', 'x/1', 'firing'), news('b', 'x/2', 'firing')], NOON);
    const ended = withNews(begun, [news('c', 'x/1', 'resolved')], NOON);
    expect(ids(withNews(ended, [news('d', 'x/3', 'firing')], NOON + HOUR_MS))).toEqual(['a', 'b', 'c', 'd']);
    expect(ids(withNews(ended, [news('d', 'x/3', 'firing')], NOON + HOUR_MS + 1))).toEqual(['b', 'd']);
    // Somebody tries: nothing is dropped.
    const tried = claim(ended, 'router', NOON).outbox;
    expect(withNews(tried, [news('d', 'x/3', 'firing')], NOON + DAY_MS)).toHaveLength(4);
    // Its beginning was taken, so that its end is wanted.
    const end = withNews([], [news('c', 'x/1', 'resolved')], NOON);
    expect(ids(withNews(end, [news('d', 'x/3', 'firing')], NOON + DAY_MS))).toEqual(['c', 'd']);
  });

  test('loses what only a receiver has not taken that is gone, and what was given up a week ago', () => {
    const { outbox, claimed } = claim(withNews([], [news('a', 'x/1', 'firing')], NOON), 'router', NOON);
    const half = settleMessage(
      outbox,
      'router',
      only(claimed),
      { kind: 'taken' },
      { receivers: BOTH, nowMs: NOON },
    );
    expect(tidyOutbox(half, { receivers: BOTH, nowMs: NOON })).toBe(half);
    expect(tidyOutbox(half, { receivers: ['router'], nowMs: NOON })).toEqual([]);
    const refused = settleMessage(
      outbox,
      'router',
      only(claimed),
      { kind: 'refused', error: 'no' },
      {
        receivers: ['router'],
        nowMs: NOON,
      },
    );
    const alone = { receivers: ['router'] as const };
    expect(tidyOutbox(refused, { ...alone, nowMs: NOON + 7 * DAY_MS })).toBe(refused);
    expect(tidyOutbox(refused, { ...alone, nowMs: NOON + 7 * DAY_MS + 1 })).toEqual([]);
    // A receiver that comes later is not told of it.
    const [kept] = tidyOutbox(refused, { receivers: BOTH, nowMs: NOON });
    expect(kept?.dueMs).toBe(null);
  });

  test('is shown where a receiver has failed, with when it is tried again', () => {
    const { outbox, claimed } = claim(
      withNews([], [news('a', 'fast/burn_rate:1h:5m:page', 'firing')], NOON),
      'router',
      NOON,
    );
    expect(undeliveredAlerts({ alertOutbox: outbox }, NOON)).toEqual([]);
    const failed = settleMessage(
      outbox,
      'router',
      only(claimed),
      { kind: 'failed', error: 'is away', dueMs: NOON + 7 },
      {
        receivers: BOTH,
        nowMs: NOON,
      },
    );
    expect(undeliveredAlerts({ alertOutbox: failed }, NOON)).toEqual([
      {
        receiver: 'router',
        objective: 'fast',
        condition: 'burn_rate:1h:5m:page',
        change: 'firing',
        decidedMs: NOON,
        attempts: 1,
        lastError: 'is away',
        nextAttemptMs: NOON + 7,
      },
    ]);
  });
});

test('waits double from the first to the longest, less up to half', () => {
  const schedule = { firstMs: 5 * SECOND_MS, longestMs: MINUTE_MS };
  const waits = (random: number) =>
    [0, 1, 2, 3, 4, 60].map((n) => retryWaitMs(n, schedule, random) / SECOND_MS);
  expect(waits(1)).toEqual([5, 10, 20, 40, 60, 60]);
  expect(waits(0)).toEqual([2.5, 5, 10, 20, 30, 30]);
});

/**
 * Whatever happens to the attempts, and whoever dies over them: each receiver takes every message, those of one alert
 * in their order, and none more than once too often for each death.
 */
test('property: every message arrives at every receiver, in the order of its alert', () => {
  const step = fc.record({
    receiver: fc.constantFrom(...BOTH),
    outcome: fc.constantFrom('taken', 'failed', 'cut', 'dies before', 'dies after'),
    advanceMs: fc.constantFrom(1, 10 * SECOND_MS, LEASE),
    adds: fc.boolean(),
    limit: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = NOON;
      let outbox: AlertOutbox = [];
      let added = 0;
      let deaths = 0;
      const heard = { router: [] as string[], alertmanager: [] as string[] };
      const run = ({ receiver, outcome, advanceMs, adds, limit }: (typeof steps)[number]): void => {
        nowMs += advanceMs;
        if (adds) {
          outbox = withNews(outbox, [news(`${added}`, `x/${added % 2}`, 'firing', nowMs)], nowMs);
          added += 1;
        }
        const { outbox: next, claimed } = claim(outbox, receiver, nowMs, BOTH, limit);
        outbox = next;
        for (const message of claimed) {
          if (outcome === 'taken' || outcome === 'dies after') heard[receiver].push(message.id);
          if (outcome === 'dies after') deaths += 1;
          if (outcome === 'dies after' || outcome === 'dies before') continue;
          const settled: DeliveryOutcome =
            outcome === 'failed'
              ? { kind: 'failed', error: 'is away', dueMs: nowMs + 5000 }
              : { kind: outcome };
          outbox = settleMessage(outbox, receiver, message, settled, { receivers: BOTH, nowMs });
        }
        // The row is due when somebody finds a message due, and not any more once both have looked.
        const dueMs = nextDueMs(outbox);
        const isDue = BOTH.some((name) => claim(outbox, name, nowMs).claimed.length > 0);
        if (isDue) expect(dueMs).toBeLessThanOrEqual(nowMs);
        const looked = BOTH.reduce((seen, name) => claim(seen, name, nowMs, BOTH, 100).outbox, outbox);
        expect(nextDueMs(looked) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(nowMs);
      };
      for (const one of steps) run(one);
      for (let i = 0; outbox.length > 0 && i < 1000; i += 1) {
        for (const receiver of BOTH)
          run({ receiver, outcome: 'taken', advanceMs: LEASE, adds: false, limit: 3 });
      }
      expect(outbox).toEqual([]);
      for (const receiver of BOTH) {
        for (const alert of [0, 1]) {
          const own = heard[receiver].filter((id) => Number(id) % 2 === alert).map(Number);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
          const sent = Array.from({ length: added }, (_, id) => id).filter((id) => id % 2 === alert);
          expect([...new Set(own)]).toEqual(sent);
        }
      }
      expect(heard.router.length + heard.alertmanager.length).toBe(2 * added + deaths);
    }),
    { numRuns: 300 },
  );
});
