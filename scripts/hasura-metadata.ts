import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { metadataFiles } from './hasura/metadata-files.ts';

/** Writes hasura-metadata/ anew from the GraphQL schema and the tables. */
const folder = join(import.meta.dirname, '../hasura-metadata');
rmSync(folder, { recursive: true, force: true });
for (const [path, content] of metadataFiles()) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}
