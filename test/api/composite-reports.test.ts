import { beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../src/services/evaluate.ts';
import { storeReports } from '../../src/services/store-reports.ts';
import { PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { createTestEnvironment } from '../support/environment.ts';
import { startTracker, type Tracker } from '../support/tracker.ts';

const database = await createTestDatabase();
let tracker: Tracker;

async function ask(path: string, body?: object): Promise<Response> {
  const answer = await fetch(`${tracker.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${PLUGIN_SECRET}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok).toBe(true);
  return answer;
}

beforeAll(async () => {
  // Its clock stands at noon of March 10, 2026.
  tracker = await startTracker(database, { environment: { RATE_LIMIT: 'off' } });
  for (const name of ['a', 'b']) await ask('/api/v1/slos', { name, target: 0.9 });
  const components = [{ slo: 'a', weight: 3 }, { slo: 'b' }];
  await ask('/api/v1/slos', { name: 'both', target: 0.9, sli: { type: 'composite', components } });
  for (const day of ['09', '10']) {
    for (const [slo, good] of [
      ['a', 10],
      ['b', day === '09' ? 0 : 10],
    ] as const) {
      const points = ['11:56', '11:57'].map((at) => ({ at: `2026-03-${day}T${at}:00Z`, good, total: 10 }));
      await ask(`/api/v1/slos/default.${slo}/measurements`, { points });
    }
  }
});

// On the 9th each of two minutes is (3 * 1 + 1 * 0) / 4 good; of the 0.1 that may be bad, 0.25 are two and a half.
const NINTH = { open: false, unit: 'shares', good: 0.75, total: 1, bad: 0.25, reliability: 0.75, met: false };
const TENTH = { open: true, unit: 'shares', good: 1, total: 1, bad: 0, reliability: 1, met: true };
const QUERY = 'period=day&from=2026-03-09T00:00:00Z&slo_id=default.both';

async function readEverywhere(): Promise<void> {
  const rest = (await (await ask(`/api/v1/reports?${QUERY}`)).json()).data;
  expect(rest).toMatchObject([
    { ...NINTH, budget_used: expect.closeTo(2.5, 9), minutes_observed: 2, minutes_bad: 2 },
    { ...TENTH, minutes_observed: 2, minutes_bad: 0 },
  ]);

  const fields = Object.keys(NINTH).filter((name) => name !== 'unit');
  const query = `{ sloReports(period: DAY, from: "2026-03-09T00:00:00Z", sloId: "default.both") { ${fields.join(' ')} unit } }`;
  const graphql = (await (await ask('/graphql', { query })).json()).data.sloReports;
  expect(graphql).toMatchObject([
    { ...NINTH, unit: 'SHARES' },
    { ...TENTH, unit: 'SHARES' },
  ]);

  const [head = '', ...lines] = (await (await ask(`/api/v1/reports?${QUERY}&format=csv`)).text()).split(
    '\r\n',
  );
  const titles = head.split(',');
  const rows = lines.filter(Boolean).map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(titles.map((title, i) => [title, cells[i]]));
  });
  const asText = (row: object) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, String(v)]));
  expect(rows).toMatchObject([asText(NINTH), asText(TENTH)]);
}

test('a composite is reported alike over REST, GraphQL and CSV, computed and stored', async () => {
  await readEverywhere();
  const env = createTestEnvironment(database, Date.parse('2026-03-10T12:00:00Z'));
  await evaluate(env);
  // The 9th of all three.
  expect(await storeReports(env)).toBe(3);
  await readEverywhere();
});
