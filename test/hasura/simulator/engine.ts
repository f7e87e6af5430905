import {
  type FieldNode,
  type GraphQLNamedType,
  getNamedType,
  isObjectType,
  OperationTypeNode,
  parse,
} from 'graphql';
import type pg from 'pg';
import { HasuraError } from './hasura-error.ts';
import type { HasuraMetadata, TableMetadata } from './metadata-schema.ts';
import { type Caller, QUERY, type Remote } from './remote.ts';
import { argumentsOf, fieldsOf, keyOf, type Operation, operationOf } from './selections.ts';
import {
  type ColumnTypes,
  type Keys,
  permissionOf,
  type Row,
  type RowArguments,
  rowsStatement,
  seesColumn,
} from './table-query.ts';

interface Context {
  readonly caller: Caller;
  readonly operation: Operation;
}

type Output = Record<string, unknown>;

interface Parts {
  readonly metadata: HasuraMetadata;
  readonly remotes: readonly Remote[];
  readonly client: pg.Client;
  readonly types: ColumnTypes;
}

/** What answers operations, over tables and remotes that were found consistent. Throws HasuraErrors. */
export function createEngine({
  metadata,
  remotes,
  client,
  types,
}: Parts): (context: Context) => Promise<Output> {
  const tableOf = (name: string): TableMetadata => {
    const found = metadata.tables.find(({ table }) => table.name === name);
    if (found === undefined) throw new HasuraError('validation-failed', `no table ${name}`);
    return found;
  };

  async function rowsOf(
    table: TableMetadata,
    wanted: { fields: readonly FieldNode[]; args: RowArguments; keys?: Keys | undefined },
    context: Context,
  ): Promise<{ raw: Row; output: Output }[]> {
    const view = { table, types, session: context.caller.session };
    const links = wanted.fields.map((field) => ({ field, link: linkOf(table, field.name.value) }));
    const needed = links.flatMap(({ field, link }) => {
      if (link !== null) return link.own;
      const column = field.name.value;
      if (column === '__typename' || seesColumn(view, column)) return column === '__typename' ? [] : [column];
      throw new HasuraError(
        'validation-failed',
        `field '${column}' not found in type: '${table.table.name}'`,
      );
    });
    const columns = [...new Set([...needed, ...(wanted.keys?.columns ?? [])])];
    const { rows } = await client.query<{ row: Row }>(
      rowsStatement(view, { columns, args: wanted.args, keys: wanted.keys }),
    );
    const results = rows.map(({ row }) => {
      const output: Output = {};
      for (const { field, link } of links) {
        const name = field.name.value;
        output[keyOf(field)] = link !== null ? null : name === '__typename' ? table.table.name : row[name];
      }
      return { raw: row, output };
    });
    for (const { field, link } of links) if (link !== null) await link.fill(field, results, context);
    return results;
  }

  /** What leads from a row elsewhere, under this name; null for a column. */
  function linkOf(table: TableMetadata, name: string) {
    const toRemote = table.remote_relationships?.find((one) => one.name === name)?.definition
      .to_remote_schema;
    if (toRemote !== undefined) {
      const fill = (field: FieldNode, rows: { raw: Row; output: Output }[], context: Context) =>
        joinRemote(toRemote, field, rows, context);
      return { own: toRemote.lhs_fields, fill };
    }
    const toOne = table.object_relationships?.find((one) => one.name === name);
    const toMany = table.array_relationships?.find((one) => one.name === name);
    const mapping = (toOne ?? toMany)?.using.manual_configuration;
    if (mapping === undefined) return null;
    const own = Object.keys(mapping.column_mapping);
    const fill = (field: FieldNode, rows: { raw: Row; output: Output }[], context: Context) =>
      joinTable(
        {
          table: mapping.remote_table.name,
          own,
          theirs: Object.values(mapping.column_mapping),
          many: toMany !== undefined,
        },
        field,
        rows.map(({ raw, output }) => ({ keys: own.map((column) => raw[column]), output })),
        context,
      );
    return { own, fill };
  }

  /** Puts the rows of another table into the outputs whose keys they match, in one statement. */
  async function joinTable(
    to: { table: string; own: readonly string[]; theirs: readonly string[]; many: boolean },
    field: FieldNode,
    places: readonly { keys: readonly unknown[]; output: Output }[],
    context: Context,
  ): Promise<void> {
    const { limit, offset: _offset, ...args } = argumentsOf(field, context.operation);
    const values = places.map(({ keys }) => keys);
    const fields = fieldsOf(field.selectionSet, context.operation);
    const found = await rowsOf(
      tableOf(to.table),
      { fields, args, keys: { columns: to.theirs, values } },
      context,
    );
    for (const { keys, output } of places) {
      const matching = found
        .filter(({ raw }) => to.theirs.every((column, i) => String(raw[column]) === String(keys[i])))
        .map((one) => one.output);
      const most = typeof limit === 'number' ? limit : matching.length;
      output[keyOf(field)] = to.many ? matching.slice(0, most) : (matching[0] ?? null);
    }
  }

  /** Asks the remote for all rows at once: `f0`, `f1`, ..., the arguments inlined. A null key makes no call. */
  async function joinRemote(
    to: NonNullable<TableMetadata['remote_relationships']>[number]['definition']['to_remote_schema'],
    field: FieldNode,
    rows: readonly { raw: Row; output: Output }[],
    context: Context,
  ): Promise<void> {
    if (context.operation.node.operation === OperationTypeNode.SUBSCRIPTION) {
      throw new HasuraError('validation-failed', 'Remote relationships are not allowed in subscriptions');
    }
    const remote = remotes.find(({ metadata: { name } }) => name === to.remote_schema);
    const [query, spec] = Object.entries(to.remote_field)[0] ?? [];
    if (remote === undefined || query === undefined || spec === undefined) {
      throw new HasuraError('inconsistent', `no remote ${to.remote_schema}`);
    }
    const argumentsFor = (row: Row) =>
      Object.entries(spec.arguments).map(([name, column]) => [name, row[column.slice(1)]] as const);
    const asked = new Map<string, number>();
    for (const { raw } of rows) {
      const args = argumentsFor(raw);
      const key = JSON.stringify(args);
      if (args.every(([, value]) => value != null) && !asked.has(key)) asked.set(key, asked.size);
    }
    if (asked.size === 0) return;
    const plan = planRemote(remote, rootField(remote, OperationTypeNode.QUERY, query), field, context);
    const fields = [...asked].map(([key, i]): FieldNode => {
      const args: [string, unknown][] = JSON.parse(key);
      const text = args.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ');
      const [node] = fieldsOf(fieldSet(`f${i}: ${query}(${text}) { __typename }`), context.operation);
      if (node === undefined) throw new Error('a field was written');
      return { ...node, ...(plan.node.selectionSet && { selectionSet: plan.node.selectionSet }) };
    });
    const data = await remote.ask(QUERY, fields, context.operation, context.caller);
    const finished = new Map<string, unknown>();
    for (const [key, i] of asked) finished.set(key, await plan.finish(data[`f${i}`]));
    for (const { raw, output } of rows) {
      output[keyOf(field)] = finished.get(JSON.stringify(argumentsFor(raw))) ?? null;
    }
  }

  /** A field of the remote without what leads from it to tables, and how that is filled in afterwards. */
  function planRemote(remote: Remote, type: GraphQLNamedType, field: FieldNode, context: Context) {
    const role = remote.schemaFor(context.caller.session.role);
    if (role === null) {
      throw new HasuraError(
        'validation-failed',
        `field '${field.name.value}' not found in type: 'query_root'`,
      );
    }
    const selected = fieldsOf(field.selectionSet, context.operation);
    const relationships =
      remote.metadata.remote_relationships.find(({ type_name }) => type_name === type.name)?.relationships ??
      [];
    const joins = selected.flatMap((one) => {
      const found = relationships.find(({ name }) => name === one.name.value);
      return found === undefined ? [] : [{ field: one, to: found.definition.to_source }];
    });
    const children = selected
      .filter((one) => !joins.some((join) => join.field === one))
      .map((one) => ({ field: one, plan: planRemote(remote, typeOfField(type, one), one, context) }));
    const keys = [...new Set(joins.flatMap(({ to }) => Object.keys(to.field_mapping)))];
    const hidden = keys.flatMap((key) => fieldsOf(fieldSet(`join_${key}: ${key}`), context.operation));
    const selections = [...children.map(({ plan }) => plan.node), ...hidden];
    const node: FieldNode =
      field.selectionSet === undefined
        ? field
        : { ...field, selectionSet: { ...field.selectionSet, selections } };

    async function finish(value: unknown): Promise<unknown> {
      if (Array.isArray(value)) return Promise.all(value.map(finish));
      if (value === null || value === undefined || field.selectionSet === undefined) return value ?? null;
      const answered = new Map(Object.entries(value));
      const output: Output = {};
      for (const { field: child, plan } of children) {
        output[keyOf(child)] = await plan.finish(answered.get(keyOf(child)));
      }
      for (const { field: join, to } of joins) {
        const own = Object.keys(to.field_mapping);
        await joinTable(
          {
            table: to.table.name,
            own,
            theirs: Object.values(to.field_mapping),
            many: to.relationship_type === 'array',
          },
          join,
          [{ keys: own.map((key) => answered.get(`join_${key}`)), output }],
          context,
        );
      }
      return output;
    }
    return { node, finish };
  }

  async function tableRoot(table: TableMetadata, field: FieldNode, context: Context): Promise<unknown> {
    const { operation, caller } = context;
    const permission = permissionOf(table, caller.session.role);
    const fields = fieldsOf(field.selectionSet, operation);
    const args = argumentsOf(field, operation);
    const kind = field.name.value.slice(table.table.name.length);
    if (kind === '_by_pk') {
      const where = Object.fromEntries(Object.entries(args).map(([name, value]) => [name, { _eq: value }]));
      const [row] = await rowsOf(table, { fields, args: { where } }, context);
      return row?.output ?? null;
    }
    if (kind === '_aggregate') {
      if (permission !== null && permission.allow_aggregations !== true) {
        throw new HasuraError(
          'validation-failed',
          `field '${field.name.value}' not found in type: 'query_root'`,
        );
      }
      const view = { table, types, session: caller.session };
      const { rows } = await client.query<{ row: Row }>(rowsStatement(view, { columns: 'count', args }));
      return { aggregate: rows[0]?.row };
    }
    return (await rowsOf(table, { fields, args }, context)).map(({ output }) => output);
  }

  async function rootOf(field: FieldNode, context: Context): Promise<unknown> {
    const name = field.name.value;
    const { operation } = context.operation.node;
    if (name === '__typename') return `${operation}_root`;
    const table = metadata.tables.find(({ table: { name: own } }) =>
      [own, `${own}_by_pk`, `${own}_aggregate`].includes(name),
    );
    if (table !== undefined && operation !== OperationTypeNode.MUTATION)
      return tableRoot(table, field, context);
    const remote = remotes.find(
      ({ upstream }) => upstream.getRootType(operation)?.getFields()[name] !== undefined,
    );
    if (remote === undefined || operation === OperationTypeNode.SUBSCRIPTION) {
      throw new HasuraError('validation-failed', `field '${name}' not found in type: '${operation}_root'`);
    }
    const plan = planRemote(remote, rootField(remote, operation, name), field, context);
    const data = await remote.ask(operation, [plan.node], context.operation, context.caller);
    return plan.finish(data[keyOf(field)]);
  }

  return async (context) => {
    const fields = fieldsOf(context.operation.node.selectionSet, context.operation);
    if (context.operation.node.operation === OperationTypeNode.SUBSCRIPTION && fields.length !== 1) {
      throw new HasuraError('validation-failed', 'subscriptions must select one top level field');
    }
    const data: Output = {};
    // One after the other, each root field of a remote with a request of its own.
    for (const field of fields) data[keyOf(field)] = await rootOf(field, context);
    return data;
  };
}

function fieldSet(text: string) {
  return operationOf(parse(`{ ${text} }`), {}).node.selectionSet;
}

function rootField(remote: Remote, operation: OperationTypeNode, name: string): GraphQLNamedType {
  const root = remote.upstream.getRootType(operation);
  return root == null ? remoteFault(name) : typeOfField(root, { name: { value: name } });
}

/** The type that a field leads to, its lists and non-nulls taken off. */
function typeOfField(type: GraphQLNamedType, { name }: { name: { value: string } }): GraphQLNamedType {
  const field = isObjectType(type) ? type.getFields()[name.value] : undefined;
  if (name.value === '__typename') return type;
  return field === undefined ? remoteFault(name.value, type.name) : getNamedType(field.type);
}

function remoteFault(name: string, type = 'query_root'): never {
  throw new HasuraError('validation-failed', `field '${name}' not found in type: '${type}'`);
}
