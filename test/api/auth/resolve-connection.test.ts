import { describe, expect, test } from 'vitest';
import type { AuthConfig } from '../../../src/api/auth/resolve-actor.ts';
import { createConnectionResolver } from '../../../src/api/auth/resolve-connection.ts';
import { createAccessKeys } from '../../../src/services/access-keys.ts';
import { authConfig } from '../../support/auth-config.ts';
import { claimsToken, HS_KEY, jwtConfig, outcome, requestWith, resolverOf, SECRET } from './resolver.ts';

const ORIGIN = 'https://app.example.com';

function connect(changes: Partial<AuthConfig> = {}) {
  const config = authConfig({
    jwt: jwtConfig({ type: 'HS256', key: HS_KEY }),
    corsOrigins: [ORIGIN],
    ...changes,
  });
  const resolve = createConnectionResolver(resolverOf(config), config);
  return (payload: unknown, headers: Record<string, string> = {}) =>
    outcome(resolve({ request: requestWith(headers), peerAddress: undefined, payload }));
}

const open = connect();
const jwt = await claimsToken();
const Authorization = `Bearer ${jwt}`;
const key = createAccessKeys(authConfig())?.issue({ accountId: 'acme', role: 'viewer' }).password;

describe('credentials of a WebSocket', () => {
  test.each<[string, unknown, Record<string, string>, object]>([
    ['in the payload', { Authorization }, {}, { accountId: 'acme', role: 'user' }],
    ['in lower case', { authorization: Authorization }, {}, { accountId: 'acme' }],
    ['in its headers', { headers: { Authorization } }, {}, { accountId: 'acme' }],
    ['with a role', { Authorization, 'X-Hasura-Role': 'admin' }, {}, { role: 'admin', canWrite: true }],
    [
      'with a role that is not allowed',
      { Authorization, 'x-hasura-role': 'nself_admin' },
      {},
      { code: 'forbidden' },
    ],
    ['in the upgrade', undefined, { authorization: Authorization }, { accountId: 'acme' }],
    ['in the upgrade, with an empty payload', {}, { authorization: Authorization }, { accountId: 'acme' }],
    ['the same in both', { Authorization }, { authorization: Authorization }, { accountId: 'acme' }],
    ['others in both', { Authorization }, { authorization: `Bearer ${SECRET}` }, { code: 'malformed' }],
    ['beside the gateway secret', { Authorization }, { 'x-plugin-secret': SECRET }, { code: 'malformed' }],
    ['an access key', { Authorization: `Basic ${btoa(`acme:${key}`)}` }, {}, { via: 'access-key' }],
    ['none', null, {}, { code: 'unauthorized' }],
    ['a bad one', { Authorization: 'Bearer guess' }, {}, { code: 'unauthorized' }],
    ['no text', { Authorization: 7 }, {}, { code: 'unauthorized' }],
    ['a list', [Authorization], {}, { code: 'unauthorized' }],
    [
      'a line break',
      { Authorization: `${Authorization}\r\nX-Plugin-Secret: ${SECRET}` },
      {},
      { code: 'malformed' },
    ],
    [
      'the gateway secret in the payload',
      { 'X-Plugin-Secret': SECRET, 'X-Hasura-Role': 'admin' },
      {},
      { code: 'unauthorized' },
    ],
  ])('%s', async (_name, payload, headers, expected) => {
    expect(await open(payload, headers)).toMatchObject(expected);
  });

  test('the payload chooses no account for the plugin bearer, unless EDGE_BEARER_ANY_ACCOUNT', async () => {
    const payload = { Authorization: `Bearer ${SECRET}`, 'X-Source-Account-Id': 'acme' };
    expect(await open(payload)).toMatchObject({ accountId: 'primary' });
    expect(await open(payload, { 'x-source-account-id': 'acme' })).toMatchObject({ accountId: 'primary' });
    expect(await connect({ edgeBearerAnyAccount: true })(payload)).toMatchObject({ accountId: 'acme' });
    const upgrade = { authorization: `Bearer ${SECRET}`, 'x-source-account-id': 'acme' };
    expect(await open(null, upgrade)).toMatchObject({ accountId: 'acme' });
  });

  test('in the header of their own that the configuration names', async () => {
    const header = { type: 'CustomHeader', name: 'X-Token' };
    const custom = connect({ jwt: jwtConfig({ type: 'HS256', key: HS_KEY, header }) });
    expect(await custom({ 'x-token': jwt })).toMatchObject({ accountId: 'acme' });
    expect(await custom({ Authorization })).toMatchObject({ code: 'unauthorized' });
  });
});

describe('a page that opens a WebSocket', () => {
  test.each([
    ['of a listed origin', ORIGIN, { accountId: 'acme' }],
    ['of the host itself', 'http://localhost', { accountId: 'acme' }],
    ['of the host itself, behind TLS', 'https://localhost', { accountId: 'acme' }],
    ['of another origin', 'https://evil.example', { code: 'forbidden' }],
    ['of another port', 'http://localhost:8080', { code: 'forbidden' }],
    ['of a sandbox', 'null', { code: 'forbidden' }],
  ])('%s', async (_name, origin, expected) => {
    expect(await open({ Authorization }, { origin })).toMatchObject(expected);
  });

  const inCookie = connect({
    jwt: jwtConfig({ type: 'HS256', key: HS_KEY, header: { type: 'Cookie', name: 'session' } }),
  });
  const cookie = `session=${jwt}`;

  test.each([
    ['of a listed origin', { origin: ORIGIN }, { accountId: 'acme' }],
    ['of its own origin', { origin: 'http://localhost' }, { accountId: 'acme' }],
    [
      'of its own host behind TLS that nobody told of',
      { origin: 'https://localhost' },
      { code: 'unauthorized' },
    ],
    ['of no origin', {}, { code: 'unauthorized' }],
    ['of another origin', { origin: 'https://evil.example' }, { code: 'forbidden' }],
  ])('with a cookie, %s', async (_name, headers, expected) => {
    expect(await inCookie({}, { cookie, ...headers })).toMatchObject(expected);
  });

  test('is whoever its payload says, though the browser sends a cookie too', async () => {
    const payload = { Authorization: `Bearer ${SECRET}` };
    expect(await inCookie(payload, { cookie, origin: ORIGIN })).toMatchObject({ via: 'plugin-bearer' });
  });
});
