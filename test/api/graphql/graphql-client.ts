import { createGraphql, type Graphql, type GraphqlOptions } from '../../../src/api/graphql/create-graphql.ts';
import type { LimitClass } from '../../../src/api/graphql/limits.ts';
import type { ServiceEnvironment } from '../../../src/services/context.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestEnvironment } from '../../support/environment.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

export const NOW = '2026-03-10T12:00:00Z';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a document answers is for each test to know
  readonly data: any;
  readonly errors: readonly { message: string; path?: unknown; extensions: Record<string, unknown> }[];
}

export interface Who {
  readonly account?: string;
  readonly role?: string;
  readonly limits?: LimitClass;
}

export interface GraphqlClient {
  readonly graphql: Graphql;
  readonly database: TestDatabase;
  readonly environment: ServiceEnvironment;
  readonly clock: FakeClock;
  ask(document: string, variables?: Record<string, unknown>, who?: Who): Promise<Answer>;
}

/**
 * The GraphQL face on a database of the calling file. Headers of the test say who asks: how credentials
 * become an actor is tested elsewhere.
 */
export async function createGraphqlClient(options: Partial<GraphqlOptions> = {}): Promise<GraphqlClient> {
  const database = await createTestDatabase();
  const environment = createTestEnvironment(database, Date.parse(NOW));
  const graphql = createGraphql({
    environment,
    resolveActor: async ({ headers }) => {
      const role = headers.get('x-test-role') ?? 'admin';
      const accountId = headers.get('x-test-account') ?? 'primary';
      return { accountId, role, canWrite: role === 'admin', via: 'plugin-bearer' };
    },
    limitsFor: ({ headers }) => (headers.get('x-test-limits') === 'gateway' ? 'gateway' : 'client'),
    production: true,
    logger: environment.logger,
    ...options,
  });
  return {
    graphql,
    database,
    environment,
    clock: environment.clock,
    async ask(query, variables, { account = 'primary', role = 'admin', limits = 'client' } = {}) {
      const request = new Request('http://localhost/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-test-account': account,
          'x-test-role': role,
          'x-test-limits': limits,
        },
        body: JSON.stringify({ query, variables }),
      });
      return answerOf(await graphql.fetch(request));
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const body = await response.json();
  return { status: response.status, data: body.data, errors: body.errors ?? [] };
}
