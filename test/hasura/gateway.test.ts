import { beforeAll, describe, expect, it } from 'vitest';
import type { Hasura } from './simulator/hasura.ts';
import { postJson } from './simulator/post-json.ts';
import {
  ADMIN_SECRET,
  addSlo,
  adminOf,
  clientOf,
  METADATA,
  NOW,
  type Stack,
  startStack,
  token,
  withSdl,
} from './stack.ts';

let stack: Stack;
let hasura: Hasura;
/** Of acme and of umbra, each `checkout`. */
let ours: string;
let theirs: string;

beforeAll(async () => {
  stack = await startStack();
  ours = await addSlo(stack, 'acme', 'checkout', 95);
  theirs = await addSlo(stack, 'umbra', 'checkout', 80);
  hasura = await stack.hasura();
});

const READERS = ['user', 'nself_user', 'viewer'];
const NOBODIES = ['public', 'anonymous', 'nself_admins', 'owner'];

describe.each(READERS)('the role %s', (role) => {
  it('reads what its account has, and null for what another has or nobody', async () => {
    const acme = clientOf(hasura, 'acme', role);
    const document =
      'query ($id: ID!) { slo(id: $id) { id sourceAccountId status { objectives { reliability } } } }';
    const mine = {
      id: ours,
      sourceAccountId: 'acme',
      status: { objectives: [{ reliability: 0.95 }] },
    };
    expect(await acme.ask(document, { id: ours })).toEqual({ data: { slo: mine } });
    expect(await acme.ask(document, { id: 'default.checkout' })).toEqual({ data: { slo: mine } });
    const nothing = { data: { slo: null } };
    for (const id of [theirs, '00000000-0000-4000-8000-000000000000', 'default.nothing', 'nonsense']) {
      expect(await acme.ask(document, { id })).toEqual(nothing);
    }
  });

  it('changes nothing: there are no mutations', async () => {
    const { data, errors } = await clientOf(hasura, 'acme', role).ask(
      'mutation { deleteSlo(id: "default.checkout") { deletedId } }',
    );
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toMatch(/no mutations exist/);
    expect(hasura.sent.at(-1)?.body.query).not.toContain('deleteSlo');
  });

  it('would be refused by the service too', async () => {
    const answer = await postJson(
      stack.url,
      {
        ...hasura.sent[0]?.headers,
        'x-hasura-role': role,
        'x-hasura-source-account-id': 'acme',
      },
      { query: 'mutation { deleteSlo(id: "default.checkout") { deletedId errors { code } } }' },
    );
    expect(answer).toEqual({ data: { deleteSlo: { deletedId: null, errors: [{ code: 'FORBIDDEN' }] } } });
  });
});

describe('the admin', () => {
  it('reads and writes in the account that the session names', async () => {
    const admin = adminOf(hasura, 'acme');
    const made = await admin.ask(
      'mutation ($input: NpSloInput!) { createSlo(input: $input) { slo { sourceAccountId name } errors { code } } }',
      { input: { name: 'by-admin', target: 0.99, displayName: null, labels: null } },
    );
    expect(made.data.createSlo).toEqual({ slo: { sourceAccountId: 'acme', name: 'by-admin' }, errors: [] });
    const again = await admin.ask(
      'mutation { createSlo(input: { name: "by-admin", target: 0.99 }) { slo { id } errors { code path } } }',
    );
    // A fault of the client is data: errors would take everything else of the answer along.
    expect(again).toEqual({
      data: { createSlo: { slo: null, errors: [{ code: 'CONFLICT', path: 'name' }] } },
    });
    expect((await adminOf(hasura, 'umbra').ask('{ slo(id: "default.by-admin") { id } }')).data).toEqual({
      slo: null,
    });
  });

  it('of no account reads the schema and nothing else', async () => {
    const { data, errors } = await adminOf(hasura, null).ask('{ slos { total } }');
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('x-hasura-source-account-id');
  });

  it('changes what it names and leaves what comes as null', async () => {
    const admin = adminOf(hasura, 'acme');
    await admin.ask(
      'mutation { createSlo(input: { name: "kept", target: 0.99, description: "stays", service: "shop" }) { errors { code } } }',
    );
    const { data } = await admin.ask(
      `mutation ($description: String, $service: String, $labels: JSON, $shown: String) {
        updateSlo(id: "default.kept", patch: { description: $description, service: $service, labels: $labels, displayName: $shown }) {
          slo { displayName description service } errors { code }
        }
      }`,
      { shown: 'Kept' },
    );
    // What the client left out went up as an explicit null.
    expect(hasura.sent.at(-1)?.body.variables).toEqual({
      description: null,
      service: null,
      labels: null,
      shown: 'Kept',
    });
    expect(data.updateSlo).toEqual({
      slo: { displayName: 'Kept', description: 'stays', service: 'shop' },
      errors: [],
    });
  });
});

describe('nobody', () => {
  it.each(NOBODIES)('of the role %s asks us anything, with the account in the token', async (role) => {
    const client = clientOf(hasura, 'acme', role);
    const asked = hasura.sent.length;
    for (const document of ['{ slos { total } }', '{ np_slos { id } }']) {
      const { data, errors } = await client.ask(document);
      expect(data).toBeUndefined();
      expect(errors).toHaveLength(1);
    }
    expect(hasura.sent).toHaveLength(asked);
  });

  it('gets in by x-hasura headers of its own where Hasura lets in the unauthorized', async () => {
    const open = await stack.hasura({ unauthorizedRole: 'public' });
    const forged = { 'x-hasura-role': 'admin', 'x-hasura-source-account-id': 'acme' };
    const { data, errors } = await open.request('{ slos { total } }', { headers: forged });
    expect(data).toBeUndefined();
    expect(errors).toHaveLength(1);
    // Not even where somebody opened the remote schema for that role.
    const wide = await stack.hasura({
      unauthorizedRole: 'public',
      metadata: {
        ...METADATA,
        remoteSchemas: METADATA.remoteSchemas.map((remote) => ({
          ...remote,
          permissions: [
            ...remote.permissions,
            ...remote.permissions.slice(0, 1).map((one) => ({ ...one, role: 'public' })),
          ],
        })),
      },
    });
    const refused = await wide.request('{ slos { total } }', { headers: forged });
    expect(wide.sent.at(-1)?.headers).toMatchObject({
      'x-hasura-role': 'public',
      'x-hasura-source-account-id': 'acme',
    });
    expect(refused).toEqual({ errors: [expect.objectContaining({ extensions: { code: 'FORBIDDEN' } })] });
  });

  it('without a token, or with one that has ended, or of no account', async () => {
    const document = '{ slos { total } }';
    expect(await hasura.request(document)).toMatchObject({
      errors: [{ extensions: { code: 'invalid-headers' } }],
    });
    const old = `Bearer ${await token('acme', 'user', -10)}`;
    expect(await hasura.request(document, { headers: { authorization: old } })).toMatchObject({
      errors: [{ extensions: { code: 'invalid-jwt' } }],
    });
    const { data, errors } = await clientOf(hasura, null, 'user').ask(document);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('account');
    expect(await clientOf(hasura, null, 'user').ask('{ np_slos { id } }')).toMatchObject({
      errors: [{ message: 'missing session variable: "x-hasura-source-account-id"' }],
    });
  });
});

describe('headers', () => {
  it('arrive with the precedence that we rely on, and change nobody', async () => {
    const acme = clientOf(hasura, 'acme', 'user');
    const { data } = await acme.ask(
      '{ slos { items { sourceAccountId } } }',
      {},
      {
        'x-plugin-secret': 'a-guess-of-the-client',
        'x-hasura-source-account-id': 'umbra',
        'x-source-account-id': 'umbra',
        'x-source-account': 'umbra',
        'x-request-id': 'a-request',
        accept: 'text/event-stream',
        'user-agent': 'a browser',
        origin: 'https://evil.example.com',
      },
    );
    const accounts = data.slos.items.map((slo: { sourceAccountId: string }) => slo.sourceAccountId);
    expect(new Set(accounts)).toEqual(new Set(['acme']));
    const { headers } = hasura.sent.at(-1) ?? {};
    expect(headers).toMatchObject({
      'x-hasura-source-account-id': 'acme',
      'x-source-account-id': 'umbra',
      'x-request-id': 'a-request',
      authorization: expect.stringMatching(/^Bearer ey/),
      'x-plugin-secret': hasura.sent[0]?.headers['x-plugin-secret'],
    });
    expect(headers).not.toHaveProperty('accept');
    expect(headers).not.toHaveProperty('origin');
  });

  it('of a session and a token that do not agree are refused', async () => {
    const headers = {
      ...hasura.sent[0]?.headers,
      'x-hasura-role': 'user',
      'x-hasura-source-account-id': 'umbra',
      authorization: `Bearer ${await token('acme', 'user')}`,
    };
    const answer = await postJson(stack.url, headers, { query: '{ slos { total } }' });
    expect(answer).toEqual({ errors: [expect.objectContaining({ extensions: { code: 'FORBIDDEN' } })] });
  });
});

describe('requests', () => {
  it('go up one for each root field', async () => {
    const before = hasura.sent.length;
    const { data } = await clientOf(hasura, 'acme', 'user').ask(
      'query ($id: ID!, $at: DateTime) { a: slo(id: $id) { ...S } b: slo(id: $id) { status(at: $at) { at } } } fragment S on NpSlo { name }',
      { id: ours },
    );
    expect(data).toEqual({ a: { name: 'checkout' }, b: { status: { at: NOW } } });
    expect(hasura.sent.slice(before).map(({ body }) => body.variables)).toEqual([
      { id: ours },
      { id: ours, at: null },
    ]);
  });

  it('lose all data to one error', async () => {
    const { data, errors } = await clientOf(hasura, 'acme', 'user').ask(
      '{ slos { total } sloSnapshots(sloId: "default.checkout", limit: 0) { at } }',
    );
    expect(data).toBeUndefined();
    expect(errors).toHaveLength(1);
  });

  it.each([
    '{ slo(id: "default.checkout") { id } }',
    '{ slo(id: "default.missing") { id } }',
    '{ sloBurnRate(id: "default.missing") { at } }',
    '{ sloSnapshots(sloId: "default.missing") { at } }',
    '{ sloReports(sloId: "default.missing") { good } }',
    '{ slos(filter: { q: "nothing" }) { total } }',
  ])('are answered without errors, not even none: %s', async (document) => {
    const { headers } = hasura.sent[0] ?? {};
    const answer = await postJson(
      stack.url,
      { ...headers, 'x-hasura-role': 'user', 'x-hasura-source-account-id': 'acme' },
      { query: document },
    );
    expect(Object.keys(answer as object)).toEqual(['data']);
  });

  it('get what @preset puts in, of the session or as written, and cannot bring it themselves', async () => {
    const preset = await stack.hasura({
      metadata: withSdl((sdl) =>
        sdl
          .replace('slo(id: ID!): NpSlo', 'slo(id: ID! @preset(value: "x-hasura-slo")): NpSlo')
          .replace('limit: Int, offset', 'limit: Int @preset(value: "1", static: true), offset')
          .replace(/service: String\n( +)state/, 'service: String @preset(value: "checkout")\n$1state'),
      ),
    });
    const headers = { 'x-hasura-admin-secret': ADMIN_SECRET, 'x-hasura-role': 'user' };
    const session = { ...headers, 'x-hasura-source-account-id': 'acme' };
    const found = await preset.request('{ slo { id } slos(filter: {}) { items { service } } }', {
      headers: { ...session, 'x-hasura-slo': ours },
    });
    expect(found).toEqual({ data: { slo: { id: ours }, slos: { items: [{ service: 'checkout' }] } } });
    const [, list] = preset.sent.slice(-2);
    expect(list?.body.query.replaceAll(/\s+/g, ' ')).toContain(
      'slos(filter: {service: "checkout"}, limit: 1)',
    );
    const brought = await preset.request('{ slo(id: "default.checkout") { id } }', { headers: session });
    expect(brought.errors?.[0]?.message).toContain('Unknown argument "id"');
    const missing = await preset.request('{ slo { id } }', { headers: session });
    expect(missing.errors?.[0]?.message).toBe('missing session variable: "x-hasura-slo"');
  });
});
