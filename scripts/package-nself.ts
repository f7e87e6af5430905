import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { PLUGIN_NAME } from '../src/services/license.ts';
import { TRACKED, tableMetadata } from './hasura/tracked-tables.ts';
import { compose } from './nself/compose.ts';
import { dotEnvExample } from './nself/dot-env-example.ts';
import { manifest, PackageJson } from './nself/manifest.ts';
import { VARIABLES } from './nself/variables.ts';

const CHECKOUT = join(import.meta.dirname, '..');

/** As it lies in the tree, and where it goes. The sources are what the Dockerfile builds from. */
const COPIES: readonly (readonly [from: string, to: string])[] = [
  ['deploy/Dockerfile', 'Dockerfile'],
  [`deploy/nginx/${PLUGIN_NAME}.conf`, `nginx/${PLUGIN_NAME}.conf`],
  ['README.md', 'README.md'],
  ['LICENSE', 'LICENSE'],
  ['package.json', 'package.json'],
  ['package-lock.json', 'package-lock.json'],
  ['tsconfig.json', 'tsconfig.json'],
  ['tsconfig.build.json', 'tsconfig.build.json'],
  ['drizzle', 'drizzle'],
  ['hasura-metadata', 'hasura-metadata'],
  ['src', 'src'],
];

/** Lays out in `target`, which it empties first, what `nself plugin install` looks for. */
export function packageNself(target: string): void {
  rmSync(target, { recursive: true, force: true });
  const write = (file: string, content: string) => {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file), content);
  };
  for (const [from, to] of COPIES) cpSync(join(CHECKOUT, from), join(target, to), { recursive: true });

  const packageJson = PackageJson.parse(JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')));
  // Without what leads to the remote schema: it may not be there.
  const tables = TRACKED.map((tracked) => tableMetadata({ ...tracked, remote: [] }));
  const names = tables.map(({ table }) => table.name);
  write('plugin.json', `${JSON.stringify(manifest(packageJson, names, VARIABLES), null, 2)}\n`);
  write('hasura/tables.yaml', stringify(tables, { aliasDuplicateObjects: false }));
  write('docker-compose.plugin.yml', stringify(compose(VARIABLES), { nullStr: '' }));
  write('.env.example', dotEnvExample(VARIABLES));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const target = join(CHECKOUT, 'dist/nself');
  packageNself(target);
  console.log(`${PLUGIN_NAME} laid out in ${target}`);
}
