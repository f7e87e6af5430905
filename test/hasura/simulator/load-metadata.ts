import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { type HasuraMetadata, metadataSchema } from './metadata-schema.ts';

const INCLUDE = '!include ';

/** Reads a metadata folder the way Hasura's command line does, and holds every file against its strict schema. */
export function loadMetadata(folder: string): HasuraMetadata {
  const included = new Set<string>();

  function resolve(value: unknown, from: string): unknown {
    if (typeof value === 'string' && value.startsWith(INCLUDE)) {
      const path = join(dirname(from), value.slice(INCLUDE.length));
      included.add(path);
      return read(path);
    }
    if (Array.isArray(value)) return value.map((item) => resolve(item, from));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, from)]));
  }

  // An include stands in quotes: a YAML tag of that name is not what the command line looks for, and a warning
  // of the parser would tell of one.
  const read = (path: string): unknown =>
    resolve(parse(readFileSync(join(folder, path), 'utf8'), { strict: true }), path);

  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.yaml'),
  );
  const contents = Object.fromEntries(files.map((path) => [path, read(path)]));
  const roots = Object.fromEntries(Object.entries(contents).filter(([path]) => !included.has(path)));
  const metadata = metadataSchema.parse(roots);
  return {
    tables: metadata['databases/databases.yaml'].flatMap(({ tables }) => tables),
    remoteSchemas: metadata['remote_schemas.yaml'],
  };
}
