import fc from 'fast-check';
import { createAccessKeys } from '../../src/services/access-keys.ts';
import { authConfig, PLUGIN_SECRET } from '../support/auth-config.ts';
import { signJwt } from '../support/jwt.ts';

/** A request without credentials. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON, or as it is where it is a text. */
  readonly body?: unknown;
}

/** A call about an SLO, that of `ref` wherever it takes one. */
export type Template = (ref: string) => Call;

const graphql =
  (query: string, variables: (ref: string) => Record<string, unknown>): Template =>
  (ref) => ({ method: 'POST', path: '/graphql', body: { query, variables: variables(ref) } });

const encoded = (parameters: Readonly<Record<string, string | number | undefined>>): string =>
  new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  ).toString();

const AT = '2026-03-10T11:50:00Z';
const POINTS = [{ at: AT, good: 11, total: 22 }];
const time = fc.constantFrom(
  '2026-03-10T11:59:00Z',
  '2026-03-10T11:51:30Z',
  '2026-03-01T00:00:00Z',
  'nonsense',
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Calls over REST, GraphQL and the Prometheus API. `words` are what the other account's rows hold. */
export function templates(words: readonly string[]): fc.Arbitrary<Template> {
  const word = fc.oneof(
    fc.constantFrom(...words),
    fc.constantFrom('a', '%', '_', "' OR 1=1 --", '\\', '.*', ''),
  );
  const filters = fc.record({
    q: maybe(word),
    project: maybe(word),
    service: maybe(word),
    state: maybe(fc.constantFrom('healthy', 'exhausted', 'no_data', 'at_risk')),
    label: maybe(fc.tuple(word, word).map(([key, value]) => `${key}=${value}`)),
    limit: maybe(fc.constantFrom(1, 10, 1000)),
    offset: maybe(fc.constantFrom(0, 1, 3)),
  });
  const slo = (ref: string) => `/api/v1/slos/${encodeURIComponent(ref)}`;
  const get = (path: string): Call => ({ method: 'GET', path });
  const matcher = fc
    .tuple(
      fc.constantFrom('project', 'slo', 'service', 'objective', '__name__'),
      fc.constantFrom('=', '!=', '=~', '!~'),
      word,
    )
    .map(([label, op, value]) => `{${label}${op}${JSON.stringify(value)},slo!=""}`);
  const prometheus = '/api/prometheus/v1/api/v1';

  return fc.oneof(
    // Lists, searched for what the other account has.
    fc.tuple(filters, maybe(fc.constantFrom('name', '-budget', 'state', 'created_at')), maybe(time)).map(
      ([filter, sort, at]): Template =>
        () =>
          get(`/api/v1/slos?${encoded({ ...filter, sort, at, status: 1 })}`),
    ),
    filters.map(({ label, q, project, service, state, limit, offset }) =>
      graphql(
        `query ($f: NpSloFilter, $l: Int, $o: Int) { slos(filter: $f, limit: $l, offset: $o) { total items {
          id name displayName project service labels sli objectives { name displayName } state
          status { objectives { reliability budget countGood countTotal } } } } }`,
        () => ({
          f: {
            q,
            project,
            service,
            state: state?.toUpperCase(),
            label: label === undefined ? undefined : [label],
          },
          l: limit,
          o: offset,
        }),
      ),
    ),
    fc.constant<Template>(() => get('/slos')),
    // One SLO.
    fc.tuple(fc.constantFrom('', '/alerts', '/burn-rate', '/snapshots'), maybe(time)).map(
      ([part, at]): Template =>
        (ref) =>
          get(
            `${slo(ref)}${part}${part === '/snapshots' || part === '/alerts' || at === undefined ? '' : `?${encoded({ at })}`}`,
          ),
    ),
    fc.tuple(maybe(time), maybe(time), maybe(fc.constantFrom('1m', '5m', '1h'))).map(
      ([from, to, step]): Template =>
        (ref) =>
          get(`${slo(ref)}/snapshots?${encoded({ from, to, step })}`),
    ),
    fc.tuple(fc.constantFrom('day', 'week', 'month', 'year'), maybe(word), maybe(word), fc.boolean()).map(
      ([period, project, service, one]): Template =>
        (ref) =>
          get(`/api/v1/reports?${encoded({ period, project, service, ...(one && { slo_id: ref }) })}`),
    ),
    fc.constantFrom(
      graphql(
        `query ($id: ID!) { slo(id: $id) { id name project description labels revisionsAreHidden: state
          status { objectives { reliability countTotal } } burnRate { objectives { burnRate } } snapshots { at countTotal } } }`,
        (id) => ({ id }),
      ),
      graphql(
        'query ($id: ID!) { sloBurnRate(id: $id) { sloId objectives { objective burnRate } } }',
        (id) => ({ id }),
      ),
      graphql('query ($id: ID!) { sloSnapshots(sloId: $id) { at objective countTotal } }', (id) => ({ id })),
      graphql(
        'query ($id: ID) { sloReports(period: DAY, sloId: $id) { project slo service good total } }',
        (id) => ({ id }),
      ),
      graphql(
        'query ($id: ID!, $own: ID!) { f0: slo(id: $id) { name } f1: slo(id: $own) { name } f2: slo(id: $id) { description } }',
        (id) => ({ id, own: 'attack-project.attack-one' }),
      ),
    ),
    // Writes.
    fc.constantFrom<Template>(
      (ref) => ({ method: 'PATCH', path: slo(ref), body: { display_name: 'seized' } }),
      (ref) => ({ method: 'DELETE', path: slo(ref) }),
      (ref) => ({ method: 'POST', path: `${slo(ref)}/measurements`, body: { points: POINTS } }),
      (ref) => ({
        method: 'POST',
        path: '/api/v1/measurements',
        body: `${JSON.stringify({ slo: ref, ...POINTS[0] })}\n`,
      }),
      (ref) => ({
        method: 'POST',
        path: `${slo(ref)}/adjustments`,
        body: { starts_at: AT, duration: '1m', reason: 'seized' },
      }),
      (ref) => ({ method: 'DELETE', path: `${slo(ref)}/adjustments/6d2b1c3e-5d0f-4f5a-9d5e-0c8e4c1b7a11` }),
      (ref) => ({
        method: 'POST',
        path: '/api/v1/slos',
        body: {
          name: 'watcher',
          sli: {
            type: 'composite',
            components: [
              { project: ref.split('.')[0], slo: ref.split('.')[1] ?? ref, objective: 'default', weight: 1 },
            ],
          },
          objectives: [{ name: 'default', target: 0.9 }],
        },
      }),
      graphql(
        'mutation ($id: ID!) { updateSlo(id: $id, patch: {displayName: "seized"}) { slo { name } errors { path code message } } }',
        (id) => ({ id }),
      ),
      graphql(
        'mutation ($id: ID!) { deleteSlo(id: $id) { deletedId errors { path code message } } }',
        (id) => ({ id }),
      ),
      graphql(
        'mutation ($id: ID!, $points: [NpSloPointInput!]!) { recordMeasurements(sloId: $id, points: $points) { accepted errors { path code message } } }',
        (id) => ({ id, points: POINTS }),
      ),
      graphql(
        `mutation ($id: ID!) { addBudgetAdjustment(sloId: $id, input: {startsAt: "${AT}", duration: "1m"}) { adjustment { id } errors { path code message } } }`,
        (id) => ({ id }),
      ),
    ),
    // PromQL.
    fc.tuple(fc.constantFrom('reliability', 'count_total', 'target', ''), matcher).map(
      ([metric, selector]): Template =>
        () =>
          get(
            `${prometheus}/query?${encoded({ query: `${metric}${selector}`, time: '2026-03-10T11:59:00Z' })}`,
          ),
    ),
    matcher.map(
      (selector): Template =>
        () =>
          get(
            `${prometheus}/series?${encoded({ 'match[]': selector, start: '2026-03-10T11:00:00Z', end: '2026-03-10T12:00:00Z' })}`,
          ),
    ),
    fc
      .constantFrom('labels', 'label/slo/values', 'label/project/values', 'label/__name__/values', 'metadata')
      .map(
        (path): Template =>
          () =>
            get(`${prometheus}/${path}`),
      ),
  );
}

export const ATTACKER = 'attacker-77';
export const VICTIM = 'victim-31';

/** Ways to show oneself, each of the attacker's account. */
export const CREDENTIALS = {
  bearer: (role: string) => ({
    authorization: `Bearer ${PLUGIN_SECRET}`,
    'x-source-account-id': ATTACKER,
    'x-hasura-role': role,
  }),
  jwt: async (role: string) => ({ authorization: `Bearer ${await signJwt({ role, account: ATTACKER })}` }),
  key: (role: string) => {
    // No key is made for a role without rights.
    const owner = { accountId: ATTACKER, role: role === 'public' ? 'viewer' : role };
    const key = createAccessKeys(authConfig())?.issue(owner);
    return { authorization: `Basic ${btoa(`${key?.username}:${key?.password}`)}` };
  },
  gateway: (role: string) => ({
    'x-plugin-secret': PLUGIN_SECRET,
    'x-hasura-role': role,
    'x-hasura-source-account-id': ATTACKER,
  }),
  'gateway with a JWT': async (role: string) => ({
    'x-plugin-secret': PLUGIN_SECRET,
    'x-hasura-role': role,
    'x-hasura-source-account-id': ATTACKER,
    authorization: `Bearer ${await signJwt({ role, account: ATTACKER })}`,
  }),
  // The session says the victim, and the token the attacker: nobody is let in.
  'gateway of another': async (role: string) => ({
    'x-plugin-secret': PLUGIN_SECRET,
    'x-hasura-role': role,
    'x-hasura-source-account-id': VICTIM,
    authorization: `Bearer ${await signJwt({ role, account: ATTACKER })}`,
  }),
} satisfies Record<string, (role: string) => Record<string, string> | Promise<Record<string, string>>>;

export type CredentialName = keyof typeof CREDENTIALS;

/** Headers that may not make a difference to who asks. One that the credentials bring already is left out. */
export const ODD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  { 'x-source-account': VICTIM },
  { 'x-hasura-user-id': `user-of-${VICTIM}` },
  { 'x-hasura-tenant-id': VICTIM, 'x-tenant-id': VICTIM, 'x-account-id': VICTIM },
  { 'x-hasura-admin-secret': 'guessed', 'x-hasura-allowed-roles': '["admin"]' },
  { cookie: `source_account_id=${VICTIM}`, origin: 'https://evil.example.com' },
  { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-http-method-override': 'DELETE' },
];
