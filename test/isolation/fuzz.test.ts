import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/storage/client.ts';
import { HAS_NGINX, type Nginx, startNginx } from '../nginx/nginx.ts';
import { PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { JWT_KEY, signJwt } from '../support/jwt.ts';
import { startTracker, type Tracker } from '../support/tracker.ts';
import {
  ATTACKER,
  type Call,
  CREDENTIALS,
  type CredentialName,
  ODD_HEADERS,
  type Template,
  templates,
  VICTIM,
} from './fuzz-calls.ts';
import { mangled, withoutAccount } from './mistakes.ts';

/** In the names of the tests. The same calls again: FUZZ_SEED=... npx vitest run test/isolation/fuzz.test.ts */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CALLS = Number(process.env.FUZZ_CALLS ?? 2500);
const NGINX_CALLS = Math.ceil(CALLS / 10);
const PATIENCE_MS = 600_000;

const database = await createTestDatabase();
const ENVIRONMENT = {
  RATE_LIMIT: 'off',
  HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: JWT_KEY }),
};

/** What an account's SLOs hold, in every field that takes a text or a number. */
function definition(word: string, n: number, target: number): Record<string, unknown> {
  return {
    name: `${word}-${n === 1 ? 'one' : 'two'}`,
    project: `${word}-project`,
    display_name: `${word} display`,
    description: `${word} description`,
    service: `${word}-service`,
    labels: { [`${word}-key`]: `${word}-value` },
    objectives: [
      { name: `${word}-objective`, display_name: `${word} objective`, target, primary: true },
      { name: 'default', target: target - 0.0101 },
    ],
  };
}

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

let tracker: Tracker;
let nginx: Nginx | null = null;
let victimRows: string;
/** What the victim's answers hold and the attacker's do not. */
let markers: ReadonlySet<string>;
let victimRefs: readonly string[];
let attackerRefs: readonly string[];

const asAdmin = (account: string) => ({
  authorization: `Bearer ${PLUGIN_SECRET}`,
  'x-source-account-id': account,
});

async function send(base: string, call: Call, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { method, path, body } = call;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json';
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { ...headers, ...(text !== undefined && { 'content-type': type }), 'x-request-id': 'same' },
    ...(text !== undefined && { body: text }),
  });
  const heads = [...response.headers].filter(([name]) => name !== 'date').map((pair) => pair.join(': '));
  return { status: response.status, headers: heads.join('\n'), body: await response.text() };
}

/** Everything that the account can read about itself. */
async function view(account: string): Promise<{ text: string; refs: string[] }> {
  const read = async (path: string) =>
    (await send(tracker.url, { method: 'GET', path }, asAdmin(account))).body;
  const list = await read('/api/v1/slos?status=1');
  const slos: { id: string; project: string; name: string }[] = JSON.parse(list).data;
  const texts = [list, await read('/slos')];
  for (const period of ['day', 'month']) texts.push(await read(`/api/v1/reports?period=${period}`));
  for (const { id } of slos) {
    for (const part of ['', '/alerts', '/burn-rate', '/snapshots'])
      texts.push(await read(`/api/v1/slos/${id}${part}`));
  }
  return {
    text: texts.join('\n'),
    refs: slos.flatMap(({ id, project, name }) => [id, `${project}.${name}`]),
  };
}

const tokensOf = (text: string): string[] => text.match(/[A-Za-z0-9][A-Za-z0-9_.-]{4,}/g) ?? [];

const dump = async (): Promise<string> => {
  const tables = ['np_slos', 'np_slo_snapshots', 'np_slo_reports'];
  const rows = await Promise.all(
    tables.map((table) =>
      database.query(`SELECT t::text AS row FROM ${table} t WHERE source_account_id = $1 ORDER BY 1`, [
        VICTIM,
      ]),
    ),
  );
  return JSON.stringify(rows);
};

beforeAll(async () => {
  tracker = await startTracker(database, { environment: ENVIRONMENT, wrap: withoutOwner });
  for (const [account, word, good, total, target] of [
    [ATTACKER, 'attack', 411, 416, 0.97161],
    [VICTIM, 'secret', 700_001, 700_027, 0.98765431],
  ] as const) {
    for (const n of [1, 2]) {
      const body = definition(word, n, target);
      const made = await send(tracker.url, { method: 'POST', path: '/api/v1/slos', body }, asAdmin(account));
      expect(made.status, made.body).toBe(201);
      const points = [{ at: '2026-03-10T11:57:00Z', good: good * n, total: total * n }];
      const path = `/api/v1/slos/${JSON.parse(made.body).id}/measurements`;
      const pushed = await send(tracker.url, { method: 'POST', path, body: { points } }, asAdmin(account));
      expect(pushed.status, pushed.body).toBe(202);
    }
  }
  const [theirs, own] = [await view(VICTIM), await view(ATTACKER)];
  const known = new Set(tokensOf(own.text));
  markers = new Set([...tokensOf(theirs.text).filter((token) => !known.has(token)), VICTIM]);
  victimRefs = theirs.refs;
  attackerRefs = own.refs;
  victimRows = await dump();
  if (HAS_NGINX) nginx = await startNginx({ upstream: tracker.url, bearer: PLUGIN_SECRET });
});
afterAll(() => nginx?.stop());

/** A request never becomes the owner of the tables. (Partitions are made by it, before any row is written.) */
function withoutOwner(db: Database): Database {
  return {
    ...db,
    owner: (work) =>
      /partitions/.test(new Error('who asks').stack ?? '')
        ? db.owner(work)
        : Promise.reject(new Error('a request worked as the owner')),
  };
}

const WORDS = [
  'secret-project',
  'secret-service',
  'secret-one',
  'secret',
  'secret-key',
  'secret-value',
  'attack-one',
];
const CREDENTIAL_NAMES = Object.keys(CREDENTIALS) as CredentialName[];

interface Attempt {
  readonly template: Template;
  /** Whose SLO the call is about: by its place among their references. */
  readonly about: { readonly of: 'own' | 'theirs' | 'nobody'; readonly at: number };
  readonly credential: CredentialName;
  readonly role: string;
  readonly odd: Readonly<Record<string, string>>;
}

const attempts = (credentials: readonly CredentialName[]): fc.Arbitrary<Attempt> =>
  fc.record({
    template: templates(WORDS),
    about: fc.record({
      of: fc.constantFrom('own', 'theirs', 'theirs', 'theirs', 'nobody'),
      at: fc.nat({ max: 3 }),
    }),
    credential: fc.constantFrom(...credentials),
    role: fc.constantFrom('admin', 'admin', 'user', 'viewer', 'public'),
    odd: fc.constantFrom(...ODD_HEADERS),
  });

/** As long as the other, of the same kind, and of nobody. */
const nobodysLike = (ref: string): string =>
  ref.includes('.')
    ? 'nobody-project.nobody-one'.replaceAll('nobody', 'secreu')
    : 'e58ed763-928c-4155-bee9-fdbaaadc15f3';

/** What an answer says of the victim that the request did not say itself. */
function leaks(answer: Answer, call: Call, headers: Readonly<Record<string, string>>): string[] {
  const said = decodeURIComponent(
    JSON.stringify([call, headers])
      .replaceAll('+', ' ')
      .replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'),
  );
  const text = `${answer.headers}\n${answer.body}`;
  return [...markers].filter((marker) => text.includes(marker) && !said.includes(marker));
}

/** Tries it, and throws when the answer tells anything of the victim. */
async function attempt(base: string, { template, about, credential, role, odd }: Attempt): Promise<Answer> {
  const refs = about.of === 'own' ? attackerRefs : victimRefs;
  const theirs = refs[about.at % refs.length] ?? '';
  const ref = about.of === 'nobody' ? nobodysLike(theirs) : theirs;
  const headers = { ...odd, ...(await CREDENTIALS[credential](role)) };
  const call = template(ref);
  // What the attacker deletes of its own is not there for the calls to come.
  if (about.of === 'own' && /DELETE|deleteSlo/.test(JSON.stringify(call))) fc.pre(false);
  const answer = await send(base, call, headers);
  expect(leaks(answer, call, headers)).toEqual([]);
  expect(answer.status).toBeLessThan(500);
  if (credential === 'gateway of another') expect(answer.status).toBeGreaterThanOrEqual(400);
  if (about.of === 'theirs') {
    // The same bytes as for what does not exist.
    const nobodys = nobodysLike(ref);
    const same = await send(base, template(nobodys), headers);
    expect(answer.status).toBe(same.status);
    expect(answer.body.replaceAll(ref, 'REF')).toBe(same.body.replaceAll(nobodys, 'REF'));
    expect(answer.headers).toBe(same.headers);
  }
  return answer;
}

test('the markers are those of the victim', () => {
  expect(markers.size).toBeGreaterThan(30);
  for (const marker of [
    'secret-one',
    'secret-project',
    'secret-key',
    'secret-value',
    'secret-objective',
    '700001',
    VICTIM,
  ]) {
    expect([...markers]).toContain(marker);
  }
  expect([...markers].some((marker) => victimRefs.includes(marker))).toBe(true);
  expect([...markers].filter((marker) => marker.includes('attack'))).toEqual([]);
});

test(
  `${CALLS} random calls over REST, GraphQL, PromQL and the gateway tell nothing of another account (FUZZ_SEED=${SEED})`,
  async () => {
    const seen = new Map<CredentialName, number>();
    let series = 0;
    await fc.assert(
      fc.asyncProperty(attempts(CREDENTIAL_NAMES), async (one) => {
        const answer = await attempt(tracker.url, one);
        if (answer.status < 300 && answer.body.includes('attack-')) {
          seen.set(one.credential, (seen.get(one.credential) ?? 0) + 1);
          if (answer.body.startsWith('{"status":"success"')) series += 1;
        }
      }),
      { seed: SEED, numRuns: CALLS, endOnFailure: true },
    );
    // The calls were let in, and found what is the attacker's own, by PromQL too.
    expect(series).toBeGreaterThan(CALLS / 250);
    for (const name of CREDENTIAL_NAMES.filter((one) => one !== 'gateway of another')) {
      expect(seen.get(name) ?? 0, name).toBeGreaterThan(CALLS / 250);
    }
    expect(await dump()).toBe(victimRows);
  },
  PATIENCE_MS,
);

test.runIf(HAS_NGINX)(
  `${NGINX_CALLS} of them through nginx (FUZZ_SEED=${SEED})`,
  async () => {
    const base = `${nginx?.url}/nself-slo-tracker`;
    let found = 0;
    await fc.assert(
      fc.asyncProperty(attempts(['jwt', 'key']), async (one) => {
        // Every account header is the client's own invention here.
        const odd = { ...one.odd, 'x-source-account-id': VICTIM, 'x-hasura-source-account-id': VICTIM };
        const answer = await attempt(base, { ...one, odd });
        if (answer.status < 300 && answer.body.includes('attack-')) found += 1;
      }),
      { seed: SEED, numRuns: NGINX_CALLS, endOnFailure: true },
    );
    expect(found).toBeGreaterThan(NGINX_CALLS / 50);
    expect(await dump()).toBe(victimRows);
  },
  PATIENCE_MS,
);

test(
  'and a leak would be found: without row level security, and with no look at the account',
  async () => {
    const leaky = await startTracker(database, {
      environment: ENVIRONMENT,
      wrap: (db) => ({
        ...db,
        tenant: (_account, work) => db.owner((tx) => work(mangled(tx, withoutAccount))),
      }),
    });
    const found = await fc.check(
      fc.asyncProperty(attempts(['jwt']), async (one) => {
        const call = one.template(attackerRefs[0] ?? '');
        // Reading is enough, and leaves the victim's rows for the next test.
        fc.pre(call.method === 'GET');
        const headers = { authorization: `Bearer ${await signJwt({ role: 'viewer', account: ATTACKER })}` };
        expect(leaks(await send(leaky.url, call, headers), call, headers)).toEqual([]);
      }),
      { seed: SEED, numRuns: 100, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
    expect(found.counterexample).not.toBeNull();
    await leaky.stop();
  },
  PATIENCE_MS,
);
