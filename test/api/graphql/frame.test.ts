import { describe, expect, it } from 'vitest';
import { ACCOUNT_LIMIT, createAccountLimit } from '../../../src/api/account-limit.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import { createGraphqlClient, NOW } from './graphql-client.ts';

const metrics = createMetrics('0.0.0-test');
const client = await createGraphqlClient();
const accountLimit = createAccountLimit(client.clock);
const limited = await createGraphqlClient({
  accountLimit,
  countError: (code) => metrics.countError(code),
});

function post(query: string, headers: Record<string, string> = {}): Promise<Response> {
  const request = new Request('http://localhost/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return limited.graphql.fetch(request);
}

describe('the rate limit of an account', () => {
  it('tells what is left, and then when to come again', async () => {
    const busy = { 'x-test-account': 'busy' };
    const first = await post('{ __typename }', busy);
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit')).toBe(String(ACCOUNT_LIMIT.burst));
    expect(first.headers.get('x-ratelimit-remaining')).toBe(String(ACCOUNT_LIMIT.burst - 1));
    // One token of 100 a second comes back within 10 ms.
    expect(first.headers.get('x-ratelimit-reset')).toBe(String(Date.parse(NOW) / 1000 + 1));
    // What is no document counts too; the rest is spent at another face.
    const head = { method: 'POST', headers: { 'content-type': 'application/json', ...busy }, body: '{}' };
    for (let n = 1; n < 100; n += 1) {
      await limited.graphql.fetch(new Request('http://localhost/graphql', head));
    }
    for (let n = 100; n < ACCOUNT_LIMIT.burst; n += 1) expect(accountLimit('busy').allowed).toBe(true);

    const over = await post('{ __typename }', busy);
    expect(over.status).toBe(429);
    expect(await over.json()).toEqual({
      errors: [{ message: expect.stringContaining('Too many'), extensions: { code: 'RATE_LIMITED' } }],
    });
    expect(over.headers.get('retry-after')).toBe('1');
    expect(over.headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await post('{ __typename }', { 'x-test-account': 'calm' })).status).toBe(200);
  });

  it('is not there when it is off', async () => {
    const response = await client.graphql.fetch(new Request('http://localhost/graphql?query={__typename}'));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-ratelimit-limit')).toBeNull();
  });
});

describe('every answer', () => {
  it.each([
    ['that is well', '{ __typename }', 'application/json', 200],
    ['to a broken document', '{ nonsense', 'application/json', 200],
    ['to what is no JSON', '{ __typename }', 'text/plain', 415],
  ])('%s has a request id and is not cached or sniffed', async (_name, query, type, status) => {
    const response = await post(query, { 'content-type': type, 'x-request-id': 'abc.DEF_1-2' });
    expect(response.status).toBe(status);
    expect(response.headers.get('x-request-id')).toBe('abc.DEF_1-2');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const other = await post(query, { 'content-type': type, 'x-request-id': 'has a blank' });
    expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it('errors are counted by their code, once an answer', async () => {
  const counts = async (): Promise<Record<string, number>> => {
    const text = await metrics.expose();
    const found = text.matchAll(/^nself_plugin_errors_total\{code="([^"]+)"\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, code, count]) => [code, Number(count)]));
  };
  const before = await counts();
  await post('{ a: slo { id } b: slo { id } }');
  await post(`{ ${Array.from({ length: 200 }, (_, i) => `a${i}: __typename`).join(' ')} }`);
  await post('{ __typename }', { 'content-type': 'text/plain' });
  await post('{ slos(limit: 5000) { total } again: slos(limit: 5000) { total } }');
  const after = await counts();
  const grown = Object.entries(after).map(([code, count]) => [code, count - (before[code] ?? 0)]);
  expect(Object.fromEntries(grown.filter(([, count]) => count !== 0))).toEqual({
    graphql_validation_failed: 1,
    document_too_large: 1,
    unsupported_media_type: 1,
    invalid: 1,
  });
});
