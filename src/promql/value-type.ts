export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix';

/** The type's name in messages. */
export function documented(type: ValueType): string {
  switch (type) {
    case 'vector':
      return 'instant vector';
    case 'matrix':
      return 'range vector';
    case 'scalar':
    case 'string':
      return type;
  }
}
