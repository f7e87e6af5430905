import { beforeAll, describe, expect, test } from 'vitest';
import { csvLines, csvStream } from '../../../src/api/rest/wire/csv.ts';
import { reportSchema } from '../../../src/api/rest/wire/report.ts';
import { reportGroupSchema } from '../../../src/api/rest/wire/report-group.ts';
import { createRestClient, NOW, type RestClient } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: NOW });
  const slos = [
    { name: 'api', target: 0.9, labels: { team: 'core' }, service: "=cmd|'/c calc'!A1" },
    { name: 'web', target: 0.999, project: 'shop', service: 'a "quoted", one' },
  ];
  for (const json of slos) await rest.ask('POST', '/api/v1/slos', { json });
  const line = (slo: string, at: string, good: number) => JSON.stringify({ slo, at, good, total: 100 });
  const raw = [
    line('default.api', '2026-02-20T00:00:00Z', 50),
    line('default.api', '2026-02-20T00:01:00Z', 100),
    line('default.api', '2026-03-01T00:00:00Z', 99),
    line('shop.web', '2026-03-09T00:00:00Z', 100),
  ].join('\n');
  await rest.ask('POST', '/api/v1/measurements', {
    raw,
    headers: { 'content-type': 'application/x-ndjson' },
  });
});

const list = async (query = '') => {
  const { status, body } = await rest.ask('GET', `/api/v1/reports${query}`);
  expect(status).toBe(200);
  return body.data.map((row: unknown) => reportSchema.parse(row));
};

describe('GET /api/v1/reports', () => {
  test('a closed month, and the one under way', async () => {
    const [february, march] = await list('?slo_id=default.api');
    // 50 of 200 were bad, of 20 that may be: the budget was used two and a half times.
    expect(february).toMatchObject({
      slo: 'api',
      project: 'default',
      objective: 'default',
      period: 'month',
      start: '2026-02-01T00:00:00Z',
      end: '2026-03-01T00:00:00Z',
      open: false,
      target: 0.9,
      reliability: 0.75,
      met: false,
      good: 150,
      total: 200,
      bad: 50,
      minutes_observed: 2,
      minutes_bad: 1,
      longest_bad_minutes: 1,
      // The first minute burnt at 0.5 / 0.1 = 5: enough for the tickets at 2.8 and 1, not for the pages at 13.44 and 5.6.
      alerts_fired: 2,
      revised_at: null,
    });
    expect(february.budget_used).toBeCloseTo(2.5, 9);
    expect(march).toMatchObject({ open: true, met: true, total: 100, end: '2026-04-01T00:00:00Z' });
  });

  test.each([
    ['?project=shop', ['web']],
    ['?service=a%20%22quoted%22,%20one', ['web']],
    ['?slo_id=shop.web', ['web']],
    ['?period=year', ['api', 'web']],
    ['?period=quarter&from=2026-01-01T00:00:00Z', ['api', 'web']],
    ['?period=day&from=2026-03-09T00:00:00Z&to=2026-03-10T00:00:00Z&project=shop', ['web']],
  ])('%s is about %j', async (query, names) => {
    const rows = await list(query);
    expect([...new Set(rows.map(({ slo }: { slo: string }) => slo))].sort()).toEqual(names);
  });

  test.each([
    ['?format=csv', {}, 'text/csv; charset=utf-8; header=present'],
    ['', { accept: 'text/csv' }, 'text/csv; charset=utf-8; header=present'],
    ['', { accept: 'text/csv, application/json;q=0.5' }, 'text/csv; charset=utf-8; header=present'],
    ['', { accept: 'application/json, text/csv' }, 'application/json'],
    ['', { accept: 'text/html, */*' }, 'application/json'],
    ['', { accept: 'text/csv;q=0' }, 'application/json'],
    ['?format=json', { accept: 'text/csv' }, 'application/json'],
  ])('%s with %j answers %s', async (query, headers, type) => {
    const answer = await rest.ask('GET', `/api/v1/reports${query}`, { headers });
    expect(answer.headers.get('content-type')).toBe(type);
  });

  test('as CSV: a header, CRLF, quoted where needed, and no formula', async () => {
    const { text, headers } = await rest.ask('GET', '/api/v1/reports?format=csv');
    expect(headers.get('content-disposition')).toBe('attachment; filename="slo-reports.csv"');
    const lines = text.split('\r\n');
    expect(lines[0]).toBe(Object.keys(reportSchema.shape).join(','));
    expect(lines.at(-1)).toBe('');
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text).toContain(",'=cmd|'/c calc'!A1,");
    expect(text).toContain(',"a ""quoted"", one",');
    expect(lines[1]).toMatch(
      /,default,api,.*,month,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,false,0\.9,0\.75,false,150,200,50,/,
    );
  });
});

describe('GET /api/v1/reports?group_by=', () => {
  const grouped = async (query: string) => {
    const { status, body } = await rest.ask('GET', `/api/v1/reports${query}`);
    expect(status).toBe(200);
    return body.groups.map((row: unknown) => reportGroupSchema.parse(row));
  };

  test('project sums up what was counted, and names the worst', async () => {
    const json = { name: 'db', target: 0.99, service: 'db' };
    await rest.ask('POST', '/api/v1/slos', { json });
    const raw = JSON.stringify({ slo: 'default.db', at: '2026-02-20T00:00:00Z', good: 700, total: 800 });
    await rest.ask('POST', '/api/v1/measurements', {
      raw,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    const groups = await grouped('?group_by=project&to=2026-03-01T00:00:00Z&from=2026-02-01T00:00:00Z');
    // 150 of 200 and 700 of 800; of the budgets, 10 % were used 2.5 times, and 1 % 12.5 times.
    expect(groups).toMatchObject([
      {
        group: 'default',
        unit: 'events',
        start: '2026-02-01T00:00:00Z',
        objectives: 2,
        objectives_met: 0,
        objectives_missed: 2,
        good: 850,
        total: 1000,
        bad: 150,
        reliability: 0.85,
        worst_slo: 'db',
        worst_good: 700,
        worst_total: 800,
        worst_reliability: 0.875,
        worst_met: false,
      },
    ]);
    expect(groups[0].worst_budget_used).toBeCloseTo(12.5, 9);
    await rest.ask('DELETE', '/api/v1/slos/default.db');
  });

  test('a label groups by its value, and SLOs without it come last', async () => {
    const groups = await grouped('?group_by=label:team&from=2026-03-01T00:00:00Z');
    expect(groups.map(({ group, total }: { group: string | null; total: number }) => [group, total])).toEqual(
      [
        ['core', 100],
        [null, 100],
      ],
    );
  });

  test('as CSV gives the groups, without formulas', async () => {
    const { text } = await rest.ask('GET', '/api/v1/reports?group_by=service&format=csv');
    expect(text.split('\r\n')[0]).toBe(Object.keys(reportGroupSchema.shape).join(','));
    expect(text).toContain("\r\n'=cmd|'/c calc'!A1,2026-02-01T00:00:00Z,");
  });

  test.each(['team', 'label:', ''])('%j is refused', async (text) => {
    const { status, body } = await rest.ask('GET', `/api/v1/reports?group_by=${text}`);
    expect([status, body.details[0].path]).toEqual([422, 'group_by']);
  });

  test('without it there are no groups', async () => {
    expect((await rest.ask('GET', '/api/v1/reports')).body).not.toHaveProperty('groups');
  });
});

test('CSV is made as it is read', async () => {
  let made = 0;
  function* rows() {
    for (; made < 100_000; made += 1) yield { x: made };
  }
  const reader = csvStream(csvLines(['x'], rows())).getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value).startsWith('x\r\n0\r\n1\r\n')).toBe(true);
  expect(made).toBeLessThan(1000);
  await reader.cancel();
});

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@x', "'@x"],
  ['\tx', "'\tx"],
  ['\rx', '"\'\rx"'],
  ['a=b', 'a=b'],
  ['a,b', '"a,b"'],
  ['a\nb', '"a\nb"'],
  ['"', '""""'],
  [-1.5, '-1.5'],
  [null, ''],
  [true, 'true'],
])('the cell %j is written as %s', (value, written) => {
  expect([...csvLines(['x'], [{ x: value }])].join('')).toBe(`x\r\n${written}\r\n`);
});

test("GET /slos has the shape of nSelf's admin page", async () => {
  const { status, body } = await rest.ask('GET', '/slos');
  expect(status).toBe(200);
  expect(body).toEqual({ slos: expect.any(Array), generatedAt: NOW });
  const api = body.slos.find(({ name }: { name: string }) => name === 'api');
  expect(Object.keys(api).sort()).toEqual(
    [
      'id',
      'name',
      'description',
      'targetPct',
      'currentPct',
      'errorBudgetMinutes',
      'burnRate1h',
      'burnRate6h',
      'burnRate24h',
      'errorBudgetRemainingPct',
      'breaches7d',
      'window',
    ].sort(),
  );
  // 51 of 300 were bad in 28 days, of 30 that may be.
  expect(api).toMatchObject({
    targetPct: 90,
    currentPct: 83,
    burnRate1h: null,
    window: '72h',
    breaches7d: [],
  });
  expect(api.errorBudgetRemainingPct).toBeCloseTo(-70, 9);
});
