/** A JSON path that walks down: names and array positions. */
export type JsonPath = readonly (string | number)[];

const STEP = /\.([^.[\]'"\s]+)|\[(\d{1,6})\]|\['([^']*)'\]|\["([^"]*)"\]/y;

/** `$`, `$.a.b`, `$['a.b'][0]`, as Hasura takes them, `a.b` too; null for any other text. */
export function parseJsonPath(text: string): JsonPath | null {
  const path = text.startsWith('$') ? text.slice(1) : text.startsWith('[') ? text : `.${text}`;
  const steps: (string | number)[] = [];
  let at = 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return null;
    const [, dotted, position, single, double] = match;
    steps.push(position === undefined ? (dotted ?? single ?? double ?? '') : Number(position));
    at = STEP.lastIndex;
  }
  return steps;
}

/** What stands at the path; undefined where it leads nowhere. */
export function readJsonPath(value: unknown, path: JsonPath): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    if (Array.isArray(at) !== (typeof step === 'number')) return undefined;
    at = Reflect.get(at, step);
  }
  return at;
}
