import {
  buildASTSchema,
  type ConstDirectiveNode,
  type DocumentNode,
  type EnumTypeDefinitionNode,
  type FieldDefinitionNode,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type InputValueDefinitionNode,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  parse,
  print,
  type TypeDefinitionNode,
  visit,
} from 'graphql';

/** A value that Hasura puts in by itself: of the session, or as it is written. */
export interface Preset {
  readonly value: string;
  readonly static: boolean;
}

export interface RoleSchema {
  /** What the role sees: without what is preset. */
  readonly schema: GraphQLSchema;
  /** By the place: `Query.slo(id)` or `NpSloFilter.project`. */
  readonly presets: ReadonlyMap<string, Preset>;
}

/**
 * The schema of a role out of its permission's SDL, or the reasons why Hasura refuses it. It has to be a part of
 * the schema of the remote: the same types, the same defaults, everything that must be given, and no directive
 * but `@preset`.
 */
export function roleSchemaOf(sdl: string, upstream: GraphQLSchema): RoleSchema | readonly string[] {
  const document = parse(sdl);
  const faults: string[] = [];
  const presets = new Map<string, Preset>();
  visit(document, {
    Directive({ name }) {
      if (name.value !== 'preset') faults.push(`the directive @${name.value} is not allowed`);
    },
  });
  for (const definition of document.definitions) {
    if (definition.kind === Kind.SCHEMA_DEFINITION) {
      for (const { operation, type } of definition.operationTypes) {
        if (upstream.getRootType(operation)?.name !== type.name.value) {
          faults.push(`the remote has no ${operation} root ${type.name.value}`);
        }
      }
    } else if (isTypeDefinition(definition)) {
      faults.push(...typeFaults(definition, upstream.getType(definition.name.value), presets));
    } else {
      faults.push(`a definition of kind ${definition.kind} is not allowed`);
    }
  }
  if (!document.definitions.some(({ kind }) => kind === Kind.SCHEMA_DEFINITION)) {
    faults.push('there is no schema definition');
  }
  if (faults.length > 0) return faults;
  return { schema: buildASTSchema(withoutPresets(document)), presets };
}

function isTypeDefinition(node: { kind: string }): node is TypeDefinitionNode {
  return node.kind.endsWith('TypeDefinition');
}

function typeFaults(
  node: TypeDefinitionNode,
  type: GraphQLNamedType | undefined,
  presets: Map<string, Preset>,
): string[] {
  const name = node.name.value;
  if (type === undefined) return [`the remote has no type ${name}`];
  switch (node.kind) {
    case Kind.SCALAR_TYPE_DEFINITION:
      return isScalarType(type) && !isSpecifiedScalarType(type) ? [] : [`${name} is no scalar of the remote`];
    case Kind.ENUM_TYPE_DEFINITION:
      return enumFaults(node, type);
    case Kind.OBJECT_TYPE_DEFINITION: {
      if (!isObjectType(type)) return [`${name} is no object of the remote`];
      const fields = type.getFields();
      return (node.fields ?? []).flatMap((field) =>
        fieldFaults(name, field, fields[field.name.value], presets),
      );
    }
    case Kind.INPUT_OBJECT_TYPE_DEFINITION: {
      if (!isInputObjectType(type)) return [`${name} is no input object of the remote`];
      const place = (field: string) => `${name}.${field}`;
      return inputFaults(place, node.fields ?? [], Object.values(type.getFields()), presets);
    }
    case Kind.INTERFACE_TYPE_DEFINITION:
    case Kind.UNION_TYPE_DEFINITION:
      return [`${name} is an interface or a union, which this check does not know`];
  }
}

function enumFaults(node: EnumTypeDefinitionNode, type: GraphQLNamedType): string[] {
  if (!isEnumType(type)) return [`${node.name.value} is no enum of the remote`];
  return (node.values ?? [])
    .filter(({ name }) => type.getValue(name.value) === undefined)
    .map(({ name }) => `the remote has no value ${node.name.value}.${name.value}`);
}

function fieldFaults(
  type: string,
  node: FieldDefinitionNode,
  field: { type: object; args: readonly GraphQLArgument[] } | undefined,
  presets: Map<string, Preset>,
): string[] {
  const name = `${type}.${node.name.value}`;
  if (field === undefined) return [`the remote has no field ${name}`];
  const faults = inputFaults((arg) => `${name}(${arg})`, node.arguments ?? [], field.args, presets);
  return print(node.type) === String(field.type)
    ? faults
    : [`${name} is of type ${print(node.type)}, in the remote ${field.type}`, ...faults];
}

function inputFaults(
  place: (name: string) => string,
  nodes: readonly InputValueDefinitionNode[],
  upstream: readonly (GraphQLArgument | GraphQLInputField)[],
  presets: Map<string, Preset>,
): string[] {
  const faults: string[] = [];
  for (const node of nodes) {
    const name = place(node.name.value);
    const theirs = upstream.find((input) => input.name === node.name.value);
    if (theirs === undefined) {
      faults.push(`the remote has no ${name}`);
      continue;
    }
    if (print(node.type) !== String(theirs.type)) {
      faults.push(`${name} is of type ${print(node.type)}, in the remote ${theirs.type}`);
    }
    if (node.defaultValue !== undefined || theirs.defaultValue !== undefined) {
      faults.push(`${name} has a default value, which this check does not compare`);
    }
    const directive = node.directives?.find((one) => one.name.value === 'preset');
    if (directive === undefined) continue;
    const preset = presetOf(directive);
    const bare = isNonNullType(theirs.type) ? theirs.type.ofType : theirs.type;
    if (preset === null) faults.push(`the preset of ${name} has no value that is a text`);
    else if (!preset.static && (isListType(bare) || !isLeafType(bare))) {
      faults.push(`the preset of ${name} puts a session variable where no scalar or enum is`);
    } else presets.set(name, preset);
  }
  for (const { name, type } of upstream) {
    if (isNonNullType(type) && !nodes.some((node) => node.name.value === name)) {
      faults.push(`${place(name)} must be given, and is left out`);
    }
  }
  return faults;
}

function presetOf({ arguments: args = [] }: ConstDirectiveNode): Preset | null {
  const value = args.find(({ name }) => name.value === 'value')?.value;
  const isStatic = args.find(({ name }) => name.value === 'static')?.value;
  if (value?.kind !== Kind.STRING) return null;
  return {
    value: value.value,
    static: (isStatic?.kind === Kind.BOOLEAN && isStatic.value) || !/^x-hasura-/i.test(value.value),
  };
}

function withoutPresets(document: DocumentNode): DocumentNode {
  const isPreset = ({ directives = [] }: InputValueDefinitionNode): boolean =>
    directives.some(({ name }) => name.value === 'preset');
  return visit(document, { InputValueDefinition: (node) => (isPreset(node) ? null : undefined) });
}
