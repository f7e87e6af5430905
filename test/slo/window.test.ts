import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { CalendarWindow } from '../../src/slo/definition.ts';
import {
  createWindowFinder,
  isLocalDateTime,
  isTimeZone,
  periodAt,
  reportTimeZone,
  windowAt,
} from '../../src/slo/window.ts';
import { makeCalendar } from '../support/make-rule.ts';

const at = (text: string): number => Date.parse(text);

/** The period that contains a time, as two UTC texts. */
function period(window: CalendarWindow, time: string): string[] {
  const { startMs, endMs } = windowAt(window, at(time));
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().replace(':00.000Z', 'Z'));
}

describe('a rolling window', () => {
  const window = { type: 'rolling', durationMs: HOUR_MS } as const;

  test('covers the hour up to the last complete minute', () => {
    expect(windowAt(window, at('2026-11-10T01:02:59.999Z'))).toEqual({
      startMs: at('2026-11-10T00:02:00Z'),
      endMs: at('2026-11-10T01:02:00Z'),
      lengthMs: HOUR_MS,
      rolling: true,
    });
  });

  test('reports in UTC', () => {
    expect(reportTimeZone(window)).toBe('UTC');
  });
});

describe('calendar periods', () => {
  test('a month of UTC begins at its first midnight and ends at the next', () => {
    expect(period(makeCalendar(), '2026-02-14T12:00:00Z')).toEqual([
      '2026-02-01T00:00Z',
      '2026-03-01T00:00Z',
    ]);
  });

  test('the first instant belongs to the new period, the millisecond before to the old one', () => {
    expect(period(makeCalendar(), '2026-03-01T00:00:00Z')[0]).toBe('2026-03-01T00:00Z');
    expect(period(makeCalendar(), '2026-02-28T23:59:59.999Z')[0]).toBe('2026-02-01T00:00Z');
  });

  test('the day on which Paris springs forward has 23 hours, the one on which it falls back 25', () => {
    const paris = makeCalendar({ unit: 'day', timeZone: 'Europe/Paris' });
    expect(period(paris, '2026-03-29T12:00:00Z')).toEqual(['2026-03-28T23:00Z', '2026-03-29T22:00Z']);
    expect(period(paris, '2026-10-25T12:00:00Z')).toEqual(['2026-10-24T22:00Z', '2026-10-25T23:00Z']);
    expect(windowAt(paris, at('2026-03-29T12:00:00Z')).lengthMs).toBe(23 * HOUR_MS);
    expect(windowAt(paris, at('2026-10-25T12:00:00Z')).lengthMs).toBe(25 * HOUR_MS);
  });

  test('so have the two days of New York', () => {
    const newYork = makeCalendar({ unit: 'day', timeZone: 'America/New_York' });
    expect(period(newYork, '2026-03-08T12:00:00Z')).toEqual(['2026-03-08T05:00Z', '2026-03-09T04:00Z']);
    expect(period(newYork, '2026-11-01T12:00:00Z')).toEqual(['2026-11-01T04:00Z', '2026-11-02T05:00Z']);
  });

  test('a start that the clock skips moves forward by the gap: 02:30 becomes 03:30', () => {
    const paris = makeCalendar({ unit: 'day', timeZone: 'Europe/Paris', start: '2026-01-01T02:30:00' });
    // 03:30 +02:00; the day before 02:30 +01:00, the day after 02:30 +02:00.
    expect(period(paris, '2026-03-29T10:00:00Z')).toEqual(['2026-03-29T01:30Z', '2026-03-30T00:30Z']);
    expect(period(paris, '2026-03-29T01:29:00Z')).toEqual(['2026-03-28T01:30Z', '2026-03-29T01:30Z']);
  });

  test('a start that occurs twice is the first', () => {
    const paris = makeCalendar({ unit: 'day', timeZone: 'Europe/Paris', start: '2026-01-01T02:30:00' });
    // 02:30 +02:00, and not the one an hour later at +01:00.
    expect(period(paris, '2026-10-25T10:00:00Z')).toEqual(['2026-10-25T00:30Z', '2026-10-26T01:30Z']);
    expect(period(paris, '2026-10-25T00:29:00Z')[1]).toBe('2026-10-25T00:30Z');
  });

  test('a date that a zone skipped altogether is no period of its own', () => {
    // Samoa went from 29 to 31 December 2011, 10:00 UTC.
    const apia = makeCalendar({ unit: 'day', timeZone: 'Pacific/Apia' });
    expect(period(apia, '2011-12-30T09:59:00Z')).toEqual(['2011-12-29T10:00Z', '2011-12-30T10:00Z']);
    expect(period(apia, '2011-12-30T10:00:00Z')).toEqual(['2011-12-30T10:00Z', '2011-12-31T10:00Z']);
  });

  test('Kathmandu begins its days at a quarter past the hour of UTC', () => {
    const kathmandu = makeCalendar({ unit: 'day', timeZone: 'Asia/Kathmandu' });
    expect(period(kathmandu, '2026-11-10T00:00:00Z')).toEqual(['2026-11-09T18:15Z', '2026-11-10T18:15Z']);
  });

  test('months from the 31st end with the month and come back to the 31st', () => {
    const window = makeCalendar({ start: '2026-01-31T00:00:00' });
    expect(period(window, '2026-02-15T00:00:00Z')).toEqual(['2026-01-31T00:00Z', '2026-02-28T00:00Z']);
    expect(period(window, '2026-03-15T00:00:00Z')).toEqual(['2026-02-28T00:00Z', '2026-03-31T00:00Z']);
    expect(period(window, '2026-04-15T00:00:00Z')).toEqual(['2026-03-31T00:00Z', '2026-04-30T00:00Z']);
    expect(period(window, '2028-02-29T00:00:00Z')).toEqual(['2028-02-29T00:00Z', '2028-03-31T00:00Z']);
  });

  test('years from 29 February begin on the 28th where there is none', () => {
    const window = makeCalendar({ unit: 'year', start: '2024-02-29T00:00:00' });
    expect(period(window, '2026-06-01T00:00:00Z')).toEqual(['2026-02-28T00:00Z', '2027-02-28T00:00Z']);
    expect(period(window, '2028-06-01T00:00:00Z')).toEqual(['2028-02-29T00:00Z', '2029-02-28T00:00Z']);
  });

  test('a quarter is three months', () => {
    expect(period(makeCalendar({ unit: 'quarter' }), '2026-11-10T00:00:00Z')).toEqual([
      '2026-10-01T00:00Z',
      '2027-01-01T00:00Z',
    ]);
  });

  test('two weeks are counted from the anchor', () => {
    const window = makeCalendar({ unit: 'week', count: 2, start: '2026-01-05T00:00:00' });
    expect(period(window, '2026-01-18T23:59:00Z')).toEqual(['2026-01-05T00:00Z', '2026-01-19T00:00Z']);
    expect(period(window, '2026-01-19T00:00:00Z')).toEqual(['2026-01-19T00:00Z', '2026-02-02T00:00Z']);
  });

  test('periods before the anchor run on backwards', () => {
    const window = makeCalendar({ count: 5, start: '2026-01-31T00:00:00' });
    expect(period(window, '2025-12-01T00:00:00Z')).toEqual(['2025-08-31T00:00Z', '2026-01-31T00:00Z']);
    expect(period(window, '2025-06-01T00:00:00Z')).toEqual(['2025-03-31T00:00Z', '2025-08-31T00:00Z']);
  });

  test('an anchor of the first century counts in its own years', () => {
    const window = makeCalendar({ unit: 'day', count: 7, start: '0050-01-03T00:00:00' });
    const { startMs, endMs } = windowAt(window, at('2026-11-10T00:00:00Z'));
    expect(endMs - startMs).toBe(7 * DAY_MS);
    expect((startMs - new Date(0).setUTCFullYear(50, 0, 3)) % (7 * DAY_MS)).toBe(0);
  });
});

describe('report periods', () => {
  const texts = ({ startMs, endMs }: { startMs: number; endMs: number }): string[] =>
    [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 16));

  test('weeks start on Monday', () => {
    // 2026-11-10 is a Tuesday, 2026-11-08 a Sunday.
    expect(texts(periodAt('week', 'UTC', at('2026-11-10T12:00:00Z')))).toEqual([
      '2026-11-09T00:00',
      '2026-11-16T00:00',
    ]);
    expect(texts(periodAt('week', 'UTC', at('2026-11-08T23:59:00Z')))).toEqual([
      '2026-11-02T00:00',
      '2026-11-09T00:00',
    ]);
  });

  test('days, months, quarters and years are those of the zone', () => {
    const time = at('2026-12-31T23:30:00Z');
    expect(texts(periodAt('day', 'Europe/Paris', time))).toEqual(['2026-12-31T23:00', '2027-01-01T23:00']);
    expect(texts(periodAt('month', 'Europe/Paris', time))).toEqual(['2026-12-31T23:00', '2027-01-31T23:00']);
    expect(texts(periodAt('quarter', 'UTC', time))).toEqual(['2026-10-01T00:00', '2027-01-01T00:00']);
    expect(texts(periodAt('year', 'UTC', time))).toEqual(['2026-01-01T00:00', '2027-01-01T00:00']);
  });

  test('a calendar SLO reports in its own zone', () => {
    expect(reportTimeZone(makeCalendar({ timeZone: 'Asia/Tokyo' }))).toBe('Asia/Tokyo');
  });
});

test.each(['UTC', 'Europe/Paris', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])(
  '%s is a time zone',
  (name) => {
    expect(isTimeZone(name)).toBe(true);
  },
);

test.each(['', 'Mars/Olympus', '+01:00', '-08:00', 'UTC ', 'Europe/Paris\u0000', 'x'.repeat(100)])(
  '%j is no time zone',
  (name) => {
    expect(isTimeZone(name)).toBe(false);
  },
);

test.each(['2024-01-01T00:00:00', '2024-02-29T23:59', '0001-01-01T00:00:00'])(
  '%s is a local date-time',
  (text) => {
    expect(isLocalDateTime(text)).toBe(true);
  },
);

test.each([
  '2026-02-29T00:00:00',
  '2026-13-01T00:00:00',
  '2026-01-01T24:00:00',
  '2026-01-01T00:00:30',
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00+01:00',
  '2026-01-01',
  '2026-01-01 00:00:00',
  '',
])('%j is no local date-time of whole minutes', (text) => {
  expect(isLocalDateTime(text)).toBe(false);
});

describe('laws', () => {
  const zones = [
    'UTC',
    'Europe/Paris',
    'America/New_York',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
  ];
  const calendars = fc.record({
    type: fc.constant('calendar' as const),
    unit: fc.constantFrom(
      'day' as const,
      'week' as const,
      'month' as const,
      'quarter' as const,
      'year' as const,
    ),
    count: fc.integer({ min: 1, max: 5 }),
    timeZone: fc.constantFrom(...zones),
    start: fc.constantFrom(
      '2024-01-01T00:00:00',
      '2026-01-31T02:30:00',
      '2024-02-29T12:15:00',
      '2030-12-31T23:59:00',
    ),
  });
  const times = fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') });

  test('a period contains its time, and touches the next and the one before', () => {
    fc.assert(
      fc.property(calendars, times, (window, tMs) => {
        const here = windowAt(window, tMs);
        expect(here.startMs).toBeLessThanOrEqual(tMs);
        expect(here.endMs).toBeGreaterThan(tMs);
        expect(here.startMs % MINUTE_MS).toBe(0);
        expect(here.lengthMs).toBe(here.endMs - here.startMs);
        expect(windowAt(window, here.endMs).startMs).toBe(here.endMs);
        expect(windowAt(window, here.startMs - 1).endMs).toBe(here.startMs);
        expect(windowAt(window, here.startMs)).toEqual(here);
        expect(windowAt(window, here.endMs - 1)).toEqual(here);
      }),
      { numRuns: 300 },
    );
  });

  test('a finder answers as windowAt does, in any order', () => {
    const rolling = fc.record({ type: fc.constant('rolling' as const), durationMs: fc.constant(7 * DAY_MS) });
    const steps = fc.array(fc.integer({ min: -3 * DAY_MS, max: 20 * DAY_MS }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(calendars, rolling), times, steps, (window, firstMs, moves) => {
        const find = createWindowFinder(window);
        let tMs = firstMs;
        for (const move of moves) {
          tMs += move;
          expect(find(tMs)).toEqual(windowAt(window, tMs));
        }
      }),
      { numRuns: 100 },
    );
  });
});
