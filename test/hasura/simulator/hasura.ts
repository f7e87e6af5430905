import { parse } from 'graphql';
import pg from 'pg';
import { createEngine } from './engine.ts';
import { HasuraError } from './hasura-error.ts';
import type { HasuraMetadata } from './metadata-schema.ts';
import { openRemote, type Remote, type SentRequest } from './remote.ts';
import { operationOf, type Variables } from './selections.ts';
import { type HasuraAuth, type Headers, sessionOf } from './session.ts';
import { type ColumnTypes, columnTypes } from './table-query.ts';

export interface HasuraOptions {
  readonly metadata: HasuraMetadata;
  /** What the metadata takes from the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** With Hasura's own role. */
  readonly databaseUrl: string;
  readonly auth: HasuraAuth;
  readonly now: () => number;
}

export interface HasuraAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: what a document answers is for each test to know
  readonly data?: any;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/** A simulated Hasura v2: as much of it as stands between our clients, our tables and the service. */
export interface Hasura {
  /** A live query is the subscription asked again each second. */
  request(document: string, options?: { headers?: Headers; variables?: Variables }): Promise<HasuraAnswer>;
  /** Everything that went to the remote, oldest first. */
  readonly sent: SentRequest[];
  close(): Promise<void>;
}

/** Applies the metadata: connects, introspects, checks. Throws a HasuraError for metadata that is inconsistent. */
export async function startHasura(options: HasuraOptions): Promise<Hasura> {
  const { metadata, environment, databaseUrl, auth, now } = options;
  const sent: SentRequest[] = [];
  const remotes: Remote[] = [];
  for (const remote of metadata.remoteSchemas) {
    remotes.push(await openRemote(remote, environment, (request) => sent.push(request)));
  }
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'hasura' });
  await client.connect();
  const types = await columnTypes(client, metadata.tables);
  const faults = inconsistencies(metadata, remotes, types);
  if (faults.length > 0) {
    await client.end();
    throw new HasuraError('inconsistent', faults.join('; '));
  }
  const engine = createEngine({ metadata, remotes, client, types });
  return {
    sent,
    close: () => client.end(),
    async request(document, { headers = {}, variables = {} } = {}) {
      const lower = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      try {
        const session = await sessionOf(lower, auth, now());
        const operation = operationOf(parse(document), variables);
        return { data: await engine({ caller: { session, headers: lower }, operation }) };
      } catch (error) {
        if (!(error instanceof HasuraError)) throw error;
        const theirs = error.errors as NonNullable<HasuraAnswer['errors']>;
        return {
          errors: theirs.length > 0 ? theirs : [{ message: error.message, extensions: { code: error.code } }],
        };
      }
    },
  };
}

function inconsistencies(
  { tables }: HasuraMetadata,
  remotes: readonly Remote[],
  types: ColumnTypes,
): readonly string[] {
  const roots = [
    ...tables.flatMap(({ table: { name } }) => [
      name,
      `${name}_by_pk`,
      `${name}_aggregate`,
      `${name}_stream`,
    ]),
    ...remotes.flatMap(({ upstream }) =>
      [upstream.getQueryType(), upstream.getMutationType()].flatMap((root) =>
        Object.keys(root?.getFields() ?? {}),
      ),
    ),
  ];
  const twice = roots.filter((name, i) => roots.indexOf(name) !== i).map((name) => `${name} is there twice`);
  const columns = tables.flatMap(({ table: { name }, select_permissions }) =>
    select_permissions.flatMap(({ permission }) => permission.columns.map((column) => `${name}.${column}`)),
  );
  return [...twice, ...columns.filter((column) => !types.has(column)).map((column) => `no column ${column}`)];
}
