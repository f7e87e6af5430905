import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { loadConfig } from '../../src/config.ts';
import { PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { startTracker, type Tracker } from '../support/tracker.ts';

const database = await createTestDatabase();
let tracker: Tracker;

async function run(...args: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const secrets = { pluginSecret: PLUGIN_SECRET, accessKeySecret: 'g'.repeat(32) };
  const code = await runCommand(['report', '--url', tracker.url, ...args], {
    loadConfig: () => loadConfig(() => secrets, { PLUGIN_SECRET }),
    write: (text) => {
      stdout += text;
    },
    note: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

async function post(path: string, body: unknown, account = 'primary'): Promise<void> {
  const answer = await fetch(`${tracker.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${PLUGIN_SECRET}`,
      'content-type': 'application/json',
      'x-source-account-id': account,
    },
    body: JSON.stringify(body),
  });
  expect(answer.ok).toBe(true);
}

beforeAll(async () => {
  // Its clock stands at noon of March 10, 2026.
  tracker = await startTracker(database, { environment: { RATE_LIMIT: 'off' } });
  for (const [name, good] of [
    ['api', 95],
    ['web', 80],
  ] as const) {
    await post('/api/v1/slos', { name, service: 'shop', target: 0.9 });
    const points = [{ at: '2026-03-10T11:58:00Z', good, total: 100 }];
    await post(`/api/v1/slos/default.${name}/measurements`, { points });
  }
  await post('/api/v1/slos', { name: 'theirs', target: 0.9 }, 'others');
});

test('a table for people, in percent', async () => {
  const { code, stdout, stderr } = await run('--period', 'day', '--from', '2026-03-10T00:00:00Z');
  // Of the 10 that may be bad of 100, 5 are half of the budget and 20 are twice of it.
  expect(stdout.split('\n')).toEqual([
    'SLO          objective  period from                  met  reliability  target  budget used  good  total  unit',
    'default.api  default    2026-03-10T00:00:00Z (open)  yes  95 %         90 %    50 %         95    100    events',
    'default.web  default    2026-03-10T00:00:00Z (open)  NO   80 %         90 %    200 %        80    100    events',
    '',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('JSON and CSV as the service answers them', async () => {
  const query = ['--period', 'day', '--from', '2026-03-10T00:00:00Z', '--slo', 'default.web'];
  const json = await run(...query, '--format', 'json');
  expect(JSON.parse(json.stdout).data).toMatchObject([
    { slo: 'web', period: 'day', open: true, good: 80, total: 100, met: false },
  ]);
  const csv = (await run(...query, '--format', 'csv')).stdout.split('\r\n');
  expect(csv[0]).toMatch(/^slo_id,project,slo,service,objective,period,start,/);
  expect(csv[1]).toMatch(/,default,web,shop,default,day,2026-03-10T00:00:00Z,/);
  expect(csv.slice(2)).toEqual(['']);
});

test('sums of a group, and the account that is asked for', async () => {
  const grouped = await run('--period', 'day', '--from', '2026-03-10T00:00:00Z', '--group-by', 'service');
  // (95 + 80) of 200.
  expect(grouped.stdout.split('\n')[1]).toMatch(
    /^shop +2026-03-10T00:00:00Z \(open\) +2 +1 +1 +87\.5 % +175 +200 +events$/,
  );
  const theirs = await run('--account', 'others', '--period', 'day', '--from', '2026-03-10T00:00:00Z');
  expect(theirs.stdout).toMatch(
    /^default\.theirs +default +\S+ \(open\) +no data +- +90 % +- +- +- +events$/m,
  );
  expect(theirs.stdout).not.toContain('api');
});

test('what is wrong is told in a line, and the exit code is 1', async () => {
  const format = await run('--format', 'pdf');
  expect(format).toMatchObject({ code: 1, stdout: '' });
  expect(format.stderr).toContain('pdf');
  const period = await run('--period', 'decade');
  expect(period).toMatchObject({ code: 1, stdout: '' });
  expect(period.stderr).toMatch(/^the service answered with status 422: .*period/);
  expect(await run('--slo', 'default.none')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^the service answered with status 404: /),
  });
});
