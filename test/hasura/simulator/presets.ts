import {
  type ArgumentNode,
  type FieldNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  Kind,
  type ObjectFieldNode,
  TypeInfo,
  type ValueNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { HasuraError } from './hasura-error.ts';
import type { Preset, RoleSchema } from './permission-schema.ts';
import type { Session } from './session.ts';

const NUMBERS: Readonly<Record<string, Kind.INT | Kind.FLOAT>> = { Int: Kind.INT, Float: Kind.FLOAT };

/** A text as a literal of the type; any scalar that GraphQL does not know gets a string. */
function literal(type: GraphQLInputType, text: string): ValueNode {
  const named = getNamedType(type);
  if (isEnumType(named)) return { kind: Kind.ENUM, value: text };
  if (named.name === 'Boolean') return { kind: Kind.BOOLEAN, value: text === 'true' };
  const number = NUMBERS[named.name];
  return number === undefined ? { kind: Kind.STRING, value: text } : { kind: number, value: text };
}

function presetValue({ value, static: isStatic }: Preset, { variables }: Session): string {
  if (isStatic) return value;
  const found = variables.get(value.toLowerCase());
  if (found === undefined) throw new HasuraError('not-found', `missing session variable: "${value}"`);
  return found;
}

/** A field of the root with every preset put in. Other values of these arguments were never to be given. */
export function withPresets(
  root: FieldNode,
  parentType: string,
  { presets }: RoleSchema,
  upstream: GraphQLSchema,
  session: Session,
): FieldNode {
  if (presets.size === 0) return root;
  const info = new TypeInfo(upstream, upstream.getType(parentType) as never);
  return visit(
    root,
    visitWithTypeInfo(info, {
      Field: {
        enter(node) {
          const place = `${info.getParentType()?.name}.${node.name.value}`;
          const added = (info.getFieldDef()?.args ?? []).flatMap(({ name, type }): ArgumentNode[] => {
            const preset = presets.get(`${place}(${name})`);
            if (preset === undefined) return [];
            const value = literal(type, presetValue(preset, session));
            return [{ kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: name }, value }];
          });
          return { ...node, arguments: [...(node.arguments ?? []), ...added] };
        },
      },
      ObjectValue: {
        leave(node) {
          const type = getNamedType(info.getInputType());
          if (type === undefined || !('getFields' in type)) return undefined;
          const added = Object.values(type.getFields()).flatMap((field): ObjectFieldNode[] => {
            const preset = presets.get(`${type.name}.${field.name}`);
            if (preset === undefined) return [];
            const value = literal(field.type, presetValue(preset, session));
            return [{ kind: Kind.OBJECT_FIELD, name: { kind: Kind.NAME, value: field.name }, value }];
          });
          return { ...node, fields: [...node.fields, ...added] };
        },
      },
    }),
  );
}
