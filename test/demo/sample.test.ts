import { describe, expect, it } from 'vitest';
import { createFeed } from '../../scripts/demo/feed-live.ts';
import type { SamplePoint } from '../../scripts/demo/measures.ts';
import { demoOptions } from '../../scripts/demo/options.ts';
import { referenceOf, type SampleSlo } from '../../scripts/demo/sample-slo.ts';
import { sampleSlos } from '../../scripts/demo/sample-slos.ts';
import type { Tracker } from '../../scripts/demo/tracker.ts';
import { parseSloInput } from '../../src/slo/definition-schema.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const START = Date.parse('2026-03-11T15:20:00Z');

function sloNamed(reference: string, seed = 1): SampleSlo {
  const slo = sampleSlos({ seed, startMs: START }).find((one) => referenceOf(one) === reference);
  if (slo === undefined) throw new Error(`no ${reference}`);
  return slo;
}

/** What an SLO measured over minutes, in the order in which they are asked for. */
function measured(reference: string, minutes: readonly number[], seed = 1): (SamplePoint | undefined)[] {
  const { measure } = sloNamed(reference, seed);
  return minutes.map((ms) => measure?.(ms));
}

const minutesFrom = (fromMs: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => fromMs + i * MINUTE);

describe('the sample', () => {
  it('is a dozen SLOs that the tracker takes, of every kind', () => {
    const slos = sampleSlos({ seed: 1, startMs: START });
    const parsed = slos.map(({ definition }) => parseSloInput(definition));
    expect(new Set(slos.map(referenceOf)).size).toBe(12);
    expect(new Set(parsed.map(({ sli }) => sli.type))).toEqual(new Set(['ratio', 'threshold', 'composite']));
    expect(new Set(parsed.map(({ budgetingMethod }) => budgetingMethod))).toEqual(
      new Set(['occurrences', 'timeslices']),
    );
    expect(new Set(parsed.map(({ timeWindow }) => timeWindow.type))).toEqual(
      new Set(['rolling', 'calendar']),
    );
  });

  it('has the same numbers whenever they are asked for, and others for another seed', () => {
    const minutes = minutesFrom(START - 8 * DAY, 200);
    const backwards = minutes.toReversed();
    for (const slo of ['shop.checkout', 'shop.checkout-latency', 'shop.search', 'platform.sign-in']) {
      expect(measured(slo, backwards).toReversed()).toEqual(measured(slo, minutes));
      expect(measured(slo, minutes, 2)).not.toEqual(measured(slo, minutes));
    }
  });

  it('counts up, and begins anew when the server restarts on Wednesday at 04:00', () => {
    const restart = Date.parse('2026-03-11T04:00:00Z');
    const totals = measured('shop.search', minutesFrom(restart - 60 * MINUTE, 120)).map(
      (point) => point?.total ?? 0,
    );
    expect(totals.filter((total, i) => total < (totals[i - 1] ?? 0))).toEqual([totals[60]]);
  });

  it('is busy in the afternoon of a working day, and quiet at night', () => {
    const perHour = (time: string): number =>
      measured('shop.checkout', minutesFrom(Date.parse(time), 60)).reduce(
        (sum, point) => sum + (point?.total ?? 0),
        0,
      );
    expect(perHour('2026-03-04T15:00:00Z')).toBeGreaterThan(4 * perHour('2026-03-04T03:00:00Z'));
    expect(perHour('2026-03-04T15:00:00Z')).toBeGreaterThan(1.3 * perHour('2026-03-01T15:00:00Z'));
  });

  it('has payments fail while the demo starts, and works on sign-ins in the half hour that is taken out', () => {
    const share = (point: SamplePoint | undefined): number => (point?.bad ?? 0) / (point?.total ?? 1);
    const [before = 0, now = 0] = [120, 30].map((minutesAgo) => {
      const shares = measured('shop.payments', minutesFrom(START - minutesAgo * MINUTE, 30)).map(share);
      return shares.reduce((sum, one) => sum + one, 0) / shares.length;
    });
    expect(before).toBeLessThan(0.002);
    expect(now).toBeGreaterThan(0.03);
    const [adjustment] = sloNamed('platform.sign-in').adjustments;
    const maintained = measured(
      'platform.sign-in',
      minutesFrom(Date.parse(adjustment?.starts_at ?? '') + 7 * DAY, 30),
    );
    expect(maintained.filter((point) => point?.good !== 0)).toEqual([]);
  });
});

describe('the live feed', () => {
  function recorded(): { pushed: string[][]; failing: { next: boolean }; tracker: Tracker } {
    const pushed: string[][] = [];
    const failing = { next: false };
    const unexpected = (): never => {
      throw new Error('not asked');
    };
    const push: Tracker['push'] = async (lines) => {
      if (failing.next) {
        failing.next = false;
        throw new Error('away');
      }
      pushed.push([...lines]);
    };
    return { pushed, failing, tracker: { get: unexpected, post: unexpected, push } };
  }
  const times = (lines: readonly string[] | undefined): string[] =>
    (lines ?? []).map((line) => String(JSON.parse(line).at));

  it('pushes each minute once it is over, a second later', async () => {
    const { pushed, tracker } = recorded();
    const began = performance.now();
    // 15:20:00.8: the minute that ended a moment ago is due at 15:20:01, and the next one a minute later.
    const now = (): number => START + 800 + (performance.now() - began);
    const feed = createFeed(tracker, {
      slos: [sloNamed('shop.checkout')],
      nextMs: START - MINUTE,
      now,
      onError: () => {},
    });
    const stop = new AbortController();
    const running = feed.run(stop.signal);
    await expect.poll(() => pushed.length, { timeout: 60_000 }).toBe(1);
    expect(times(pushed[0])[0]).toBe('2026-03-11T15:19:00Z');
    stop.abort();
    await running;
  });

  it('pushes what was missed together with the next minute', async () => {
    const { pushed, failing, tracker } = recorded();
    let nowMs = START;
    const slos = [sloNamed('shop.checkout')];
    const feed = createFeed(tracker, { slos, nextMs: START - MINUTE, now: () => nowMs, onError: () => {} });
    failing.next = true;
    await expect(feed.catchUp()).rejects.toThrow('away');
    nowMs += MINUTE;
    await feed.catchUp();
    await feed.catchUp();
    expect(pushed.map(times)).toEqual([['2026-03-11T15:19:00Z', '2026-03-11T15:20:00Z']]);
  });
});

describe('its variables', () => {
  it('are 35 days and the seed 1 where they are not set', () => {
    expect(demoOptions({ DEMO_SEED: '' })).toEqual({ days: 35, seed: 1 });
    expect(demoOptions({ DEMO_DAYS: '2', DEMO_SEED: '7' })).toEqual({ days: 2, seed: 7 });
  });

  it.each([
    [{ DEMO_DAYS: '36' }, 'DEMO_DAYS: expected a whole number from 1 to 35 (got "36")'],
    [{ DEMO_DAYS: '0' }, 'DEMO_DAYS: expected a whole number from 1 to 35 (got "0")'],
    [{ DEMO_SEED: 'x' }, 'DEMO_SEED: expected a whole number from 0 to 999999999 (got "x")'],
  ])('are refused as in %o', (env, message) => {
    expect(() => demoOptions(env)).toThrow(message);
  });
});
