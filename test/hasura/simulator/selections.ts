import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import { HasuraError } from './hasura-error.ts';

export type Variables = Readonly<Record<string, unknown>>;

/** What a client asked for, its fragments at hand. */
export interface Operation {
  readonly node: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Variables;
}

export function operationOf(document: DocumentNode, variables: Variables): Operation {
  const node = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  if (node === undefined) throw new HasuraError('validation-failed', 'no operation');
  const fragments = document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
  return { node, variables, fragments: new Map(fragments.map((one) => [one.name.value, one])) };
}

/** The fields of a selection, fragments flattened. */
export function fieldsOf(set: SelectionSetNode | undefined, operation: Operation): readonly FieldNode[] {
  const within = (selection: SelectionNode): readonly FieldNode[] => {
    switch (selection.kind) {
      case Kind.FIELD:
        return [selection];
      case Kind.INLINE_FRAGMENT:
        return fieldsOf(selection.selectionSet, operation);
      case Kind.FRAGMENT_SPREAD:
        return fieldsOf(operation.fragments.get(selection.name.value)?.selectionSet, operation);
    }
  };
  return (set?.selections ?? []).flatMap(within);
}

export const keyOf = ({ alias, name }: FieldNode): string => (alias ?? name).value;

/** The arguments of a field of a table. */
export function argumentsOf(field: FieldNode, { variables }: Operation): Record<string, unknown> {
  return Object.fromEntries(
    (field.arguments ?? []).map(({ name, value }) => [
      name.value,
      valueFromASTUntyped(value, { ...variables }),
    ]),
  );
}
