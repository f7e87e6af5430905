import {
  buildClientSchema,
  type GraphQLNamedType,
  getIntrospectionQuery,
  graphqlSync,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  printSchema,
  validateSchema,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { metadataFiles } from '../../../scripts/hasura/metadata-files.ts';
import { schema } from '../../../src/api/graphql/schema.ts';

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

/** Everything that can have a description, by a name such as `NpSlo.status(at)`. */
function parts(type: GraphQLNamedType): { name: string; description: string | null | undefined }[] {
  const own = { name: type.name, description: type.description };
  if (isEnumType(type)) {
    return [own, ...type.getValues().map((v) => ({ ...v, name: `${type.name}.${v.name}` }))];
  }
  if (isInputObjectType(type)) {
    return [own, ...inputFields(type).map((f) => ({ ...f, name: `${type.name}.${f.name}` }))];
  }
  if (!isObjectType(type)) return [own];
  return [
    ...(type === schema.getQueryType() || type === schema.getMutationType() ? [] : [own]),
    ...Object.values(type.getFields()).flatMap((field) => [
      { ...field, name: `${type.name}.${field.name}` },
      ...field.args.map((arg) => ({ ...arg, name: `${type.name}.${field.name}(${arg.name})` })),
    ]),
  ];
}

function inputFields(type: GraphQLNamedType) {
  return isInputObjectType(type) ? Object.values(type.getFields()) : [];
}

function inputs() {
  const args = types.flatMap((type) =>
    isObjectType(type) ? Object.values(type.getFields()).flatMap((field) => field.args) : [],
  );
  return [...args, ...types.flatMap(inputFields)];
}

describe('the schema', () => {
  it('is what schema.graphql says (vitest -u writes it anew)', async () => {
    await expect(`${printSchema(schema)}\n`).toMatchFileSnapshot('../../../schema.graphql');
  });

  it('is what the readers of hasura-metadata/ are allowed (vitest -u writes it anew)', async () => {
    await expect(metadataFiles().get('remote_schemas.yaml')).toMatchFileSnapshot(
      '../../../hasura-metadata/remote_schemas.yaml',
    );
  });

  it('is valid', () => {
    expect(validateSchema(schema)).toEqual([]);
  });

  it('prefixes its types, but for the roots and two scalars', () => {
    const others = types.map(({ name }) => name).filter((name) => !name.startsWith('NpSlo'));
    expect(others.sort()).toEqual(['DateTime', 'JSON', 'Mutation', 'Query', 'Subscription']);
  });

  it('describes every type, field, argument and enum value', () => {
    const bare = types.flatMap(parts).filter(({ description }) => !description);
    expect(bare.map(({ name }) => name)).toEqual([]);
  });

  it('has no default values and no deprecated arguments, which Hasura trips over', () => {
    expect(inputs().length).toBeGreaterThan(50);
    expect(inputs().filter(({ defaultValue }) => defaultValue !== undefined)).toEqual([]);
    expect(inputs().filter(({ deprecationReason }) => deprecationReason)).toEqual([]);
  });

  it('uses no @oneOf', () => {
    expect(types.filter((type) => isInputObjectType(type) && type.isOneOf)).toEqual([]);
  });

  it('has the root to the letter', () => {
    const sdl = printSchema(schema)
      .replaceAll(/"""[\s\S]*?"""/g, '')
      .replaceAll(/\s+/g, ' ');
    for (const signature of [
      'slo( id: ID! ): NpSlo ',
      'slos( filter: NpSloFilter limit: Int offset: Int sort: NpSloSort ): NpSloPage!',
      'sloStatusChanged( ids: [ID!] project: String ): NpSlo! ',
      'sloSnapshots( sloId: ID! objective: String from: DateTime to: DateTime step: String limit: Int ): [NpSloSnapshot!]!',
      'sloBurnRate( id: ID! at: DateTime ): NpSloBurnRate ',
      'sloReports( period: NpSloPeriod from: DateTime to: DateTime project: String service: String sloId: ID ): [NpSloReport!]!',
      'createSlo( input: NpSloInput! ): NpSloPayload!',
      'updateSlo( id: ID! patch: NpSloPatch! ): NpSloPayload!',
      'deleteSlo( id: ID! ): NpSloDeletePayload!',
      'recordMeasurements( sloId: ID! points: [NpSloPointInput!]! ): NpSloRecordPayload!',
    ]) {
      expect(sdl).toContain(signature);
    }
  });

  it('survives the classic introspection that Hasura sends', () => {
    const classic = getIntrospectionQuery({
      specifiedByUrl: false,
      directiveIsRepeatable: false,
      schemaDescription: false,
      inputValueDeprecation: false,
      oneOf: false,
    });
    expect(classic).toContain('fields(includeDeprecated: true)');
    const { data, errors } = graphqlSync({ schema, source: classic, operationName: 'IntrospectionQuery' });
    expect(errors).toBeUndefined();
    // As it came over the wire.
    const seen = buildClientSchema(JSON.parse(JSON.stringify(data)));
    expect(printSchema(seen)).toBe(printSchema(schema));
  });
});
