import { describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { adjustedFinder, adjustedStretches, type BudgetAdjustment } from '../../src/slo/adjustment.ts';
import { parseAdjustment } from '../../src/slo/adjustment-schema.ts';

const NOW = Date.UTC(2026, 10, 10);

function adjustment(input: object, timeZone = 'UTC'): BudgetAdjustment {
  return parseAdjustment(input, { id: 'a', timeZone, nowMs: NOW });
}

/** Starts of the stretches in November 2026, or in a range. */
function starts(one: BudgetAdjustment, from = '2026-11-01T00:00Z', to = '2026-12-01T00:00Z'): string[] {
  return adjustedStretches([one], Date.parse(from), Date.parse(to)).map(({ fromMs }) =>
    new Date(fromMs).toISOString().slice(0, 16),
  );
}

function faultsOf(input: object, timeZone = 'UTC'): string[] {
  try {
    adjustment(input, timeZone);
  } catch (error) {
    return (error as { details: { path: string; message: string }[] }).details.map(
      ({ path, message }) => `${path}: ${message}`,
    );
  }
  return [];
}

const ONCE = { starts_at: '2026-11-10T06:00:00Z', duration: '30m' };

describe('the minutes that adjustments take out', () => {
  test('once: from its start for its duration', () => {
    const isAdjusted = adjustedFinder([adjustment(ONCE)], NOW - HOUR_MS, NOW + 24 * HOUR_MS);
    const six = Date.parse(ONCE.starts_at);
    expect([six - MINUTE_MS, six, six + 29 * MINUTE_MS, six + 30 * MINUTE_MS].map(isAdjusted)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('stretches that overlap or touch are one', () => {
    const later = adjustment({ ...ONCE, starts_at: '2026-11-10T06:30:00Z' });
    expect(starts(adjustment(ONCE))).toEqual(['2026-11-10T06:00']);
    expect(adjustedStretches([later, adjustment(ONCE)], NOW, NOW + 24 * HOUR_MS)).toEqual([
      { fromMs: Date.parse('2026-11-10T06:00Z'), toMs: Date.parse('2026-11-10T07:00Z') },
    ]);
  });

  test('one that began before the range reaches into it', () => {
    const day = adjustment({ starts_at: '2026-11-09T12:00:00Z', duration: '1d' });
    expect(adjustedStretches([day], NOW, NOW + 24 * HOUR_MS)).toEqual([
      { fromMs: NOW, toMs: NOW + 12 * HOUR_MS },
    ]);
  });

  test('recurring, by the week, with an end', () => {
    const input = { ...ONCE, rrule: 'FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4' };
    expect(starts(adjustment(input))).toEqual([
      '2026-11-10T06:00',
      '2026-11-12T06:00',
      '2026-11-17T06:00',
      '2026-11-19T06:00',
    ]);
    expect(starts(adjustment({ ...ONCE, rrule: 'FREQ=DAILY;UNTIL=20261112T060000Z' }))).toHaveLength(3);
  });

  test('days recur in wall-clock time: an hour later in UTC once summer time has ended', () => {
    const daily = adjustment(
      { starts_at: '2026-10-23T01:00:00Z', duration: '1h', rrule: 'FREQ=DAILY' },
      'Europe/Paris',
    );
    // 03:00 in Paris: UTC+2 until the 25th, then UTC+1.
    expect(starts(daily, '2026-10-23T00:00Z', '2026-10-27T00:00Z')).toEqual([
      '2026-10-23T01:00',
      '2026-10-24T01:00',
      '2026-10-25T02:00',
      '2026-10-26T02:00',
    ]);
  });

  test('a wall-clock time that is skipped moves forward by the gap, one that occurs twice is the first', () => {
    const skipped = { starts_at: '2026-03-27T01:30:00Z', duration: '10m', rrule: 'FREQ=DAILY' };
    // On 29 March Paris goes from 02:00 to 03:00: 02:30 is 03:30, at 01:30 UTC.
    expect(starts(adjustment(skipped, 'Europe/Paris'), '2026-03-28T00:00Z', '2026-03-31T00:00Z')).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:30',
      '2026-03-30T00:30',
    ]);
    const twice = { starts_at: '2026-10-24T00:30:00Z', duration: '10m', rrule: 'FREQ=DAILY' };
    expect(starts(adjustment(twice, 'Europe/Paris'), '2026-10-25T00:00Z', '2026-10-26T00:00Z')).toEqual([
      '2026-10-25T00:30',
    ]);
  });

  test('hours recur one after the other, through the end of summer time', () => {
    const hourly = adjustment(
      { starts_at: '2026-10-24T20:00:00Z', duration: '5m', rrule: 'FREQ=HOURLY' },
      'Europe/Paris',
    );
    expect(starts(hourly, '2026-10-24T22:00Z', '2026-10-25T23:00Z')).toHaveLength(25);
  });

  test('one that has recurred for years costs no more than a new one', () => {
    const hourly = adjustment({ starts_at: '2017-01-01T00:00:00Z', duration: '5m', rrule: 'FREQ=HOURLY' });
    const began = performance.now();
    expect(starts(hourly, '2026-11-09T00:00Z', '2026-11-10T00:00Z')).toHaveLength(24);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('what is refused', () => {
  test.each<[string, object, string[]]>([
    ['a fraction of a minute', { ...ONCE, duration: '90s' }, ['duration: must be whole minutes']],
    ['seconds', { ...ONCE, starts_at: '2026-11-10T06:00:30Z' }, ['starts_at: must be a whole minute']],
    ['no duration', { ...ONCE, duration: '0m' }, ['duration: must be a duration such as 30m, 2h or 1d']],
    ['years', { ...ONCE, duration: '400d' }, ['duration: must be at most 366d']],
    ['another age', { ...ONCE, starts_at: '1970-01-01T00:00:00Z' }, ['starts_at: must be within ten years']],
    ['an unknown field', { ...ONCE, until: 1 }, ['until: is not a known field']],
    [
      'each minute',
      { ...ONCE, rrule: 'FREQ=MINUTELY' },
      ['rrule: must recur hourly at most: FREQ is one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY'],
    ],
    [
      'several minutes of an hour',
      { ...ONCE, rrule: 'FREQ=HOURLY;BYMINUTE=0,30' },
      ['rrule: has a BYMINUTE that is not valid'],
    ],
    [
      'seconds of a rule',
      { ...ONCE, rrule: 'FREQ=DAILY;BYSECOND=3' },
      ['rrule: has a part that is not known: BYSECOND'],
    ],
    [
      'a local end',
      { ...ONCE, rrule: 'FREQ=DAILY;UNTIL=20261231T000000' },
      ['rrule: must have an UNTIL in UTC, such as 20261231T235959Z'],
    ],
    [
      'no rule at all',
      { ...ONCE, rrule: 'often' },
      ['rrule: must have a FREQ of YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY'],
    ],
    ['a part twice', { ...ONCE, rrule: 'FREQ=DAILY;FREQ=DAILY' }, ['rrule: names a part twice']],
    [
      'a second line',
      { ...ONCE, rrule: 'FREQ=DAILY\nEXDATE:20261111T060000Z' },
      ['rrule: must recur hourly at most: FREQ is one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY'],
    ],
    [
      'a start outside of the rule',
      { ...ONCE, rrule: 'FREQ=WEEKLY;BYDAY=MO' },
      ['rrule: must hold starts_at, in the time of UTC'],
    ],
  ])('%s', (_, input, faults) => {
    expect(faultsOf(input)).toEqual(faults);
  });
});
