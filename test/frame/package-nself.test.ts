import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { Manifest } from '../../scripts/nself/manifest.ts';
import { VARIABLES } from '../../scripts/nself/variables.ts';
import { packageNself } from '../../scripts/package-nself.ts';
import * as schema from '../../src/storage/schema.ts';
import { tableSchema } from '../hasura/simulator/metadata-schema.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const target = join(mkdtempSync(join(tmpdir(), 'package-nself-')), 'nself');
const packaged = (file: string) => readFileSync(join(target, file), 'utf8');
const inTree = (file: string) => readFileSync(join(CHECKOUT, file), 'utf8');

const tables = Object.values(schema).filter((value) => value instanceof PgTable);
const Compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      environment: z.record(z.string(), z.string().nullable()),
      ports: z.array(z.string()),
    }),
  ),
});

beforeAll(() => packageNself(target));
afterAll(() => rmSync(join(target, '..'), { recursive: true, force: true }));

describe('the nSelf package', () => {
  it('holds every file that an installation looks for', () => {
    const files = [
      'plugin.json',
      'Dockerfile',
      'docker-compose.plugin.yml',
      '.env.example',
      'hasura/tables.yaml',
    ];
    files.push('nginx/nself-slo-tracker.conf', 'README.md', 'LICENSE');
    expect(files.filter((file) => !existsSync(join(target, file)))).toEqual([]);
  });

  it('has a manifest of the known shape, with the version of package.json and every table', () => {
    const manifest = Manifest.parse(JSON.parse(packaged('plugin.json')));
    const packageJson = JSON.parse(inTree('package.json'));
    expect(manifest).toMatchObject({
      name: 'nself-slo-tracker',
      port: 3835,
      version: packageJson.version,
      description: packageJson.description,
      license: 'Apache-2.0',
    });
    expect([...manifest.tables].sort()).toEqual(tables.map((table) => getTableConfig(table).name).sort());
    expect(manifest.envVars.required).toEqual(['DATABASE_URL', 'PLUGIN_INTERNAL_SECRET']);
    const named = [...manifest.envVars.required, ...manifest.envVars.optional];
    expect(named.sort()).toEqual(VARIABLES.map(({ name }) => name).sort());
  });

  it('tracks the tables as hasura-metadata/ does, but for what needs the remote schema', () => {
    const tracked = z.array(tableSchema).parse(parse(packaged('hasura/tables.yaml')));
    expect(tracked.map(({ table }) => table.name).sort()).toEqual(
      tables.map((table) => getTableConfig(table).name).sort(),
    );
    for (const one of tracked) {
      const file = `databases/default/tables/public_${one.table.name}.yaml`;
      const { remote_relationships: _left, ...whole } = tableSchema.parse(
        parse(inTree(`hasura-metadata/${file}`)),
      );
      expect(one).toEqual(whole);
      expect(packaged(`hasura-metadata/${file}`)).toBe(inTree(`hasura-metadata/${file}`));
    }
  });

  it('publishes the port on loopback alone, and listens on all addresses inside', () => {
    const services = Object.values(Compose.parse(parse(packaged('docker-compose.plugin.yml'))).services);
    expect(services).toHaveLength(1);
    expect(services[0]?.ports).toEqual(['127.0.0.1:3835:3835']);
    expect(services[0]?.environment).toMatchObject({ HOST: '0.0.0.0', PORT: '3835', NODE_ENV: 'production' });
  });

  it('keeps one port in manifest, Dockerfile and nginx', () => {
    const { port } = Manifest.parse(JSON.parse(packaged('plugin.json')));
    expect(packaged('Dockerfile')).toContain(`PORT=${port}\n`);
    expect(packaged('Dockerfile')).toContain(`EXPOSE ${port}\n`);
    expect(packaged('nginx/nself-slo-tracker.conf')).toContain(`:${port};`);
  });

  it('copies for the Dockerfile everything that the Dockerfile copies', () => {
    const copied = packaged('Dockerfile')
      .split('\n')
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied).toContain('src');
    expect(copied.filter((file) => !existsSync(join(target, file)))).toEqual([]);
  });

  it('lists every variable once in .env.example, and opens only what must be set', () => {
    const lines = packaged('.env.example').split('\n');
    const names = lines.flatMap((line) => /^(?:# )?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1] ?? []);
    expect([...names].sort()).toEqual(VARIABLES.map(({ name }) => name).sort());
    const open = lines.filter((line) => /^[A-Z]/.test(line));
    expect(open).toEqual(['DATABASE_URL=', 'PLUGIN_SECRET=']);
  });
});

describe('the table of variables', () => {
  const names = VARIABLES.map(({ name }) => name);

  it('names exactly the variables that the configuration reads', () => {
    const source = inTree('src/config.ts') + inTree('src/config-variables.ts');
    const read = [...source.matchAll(/\b(?:env|set)\.([A-Z][A-Z0-9_]+)\b|^ {2}([A-Z][A-Z0-9_]+): /gm)];
    expect([...new Set(read.map((match) => match[1] ?? match[2]))].sort()).toEqual([...names].sort());
  });

  it('is the table of the README', () => {
    const rows = inTree('README.md').matchAll(/^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \| (.*) \|$/gm);
    expect([...rows].map(([, name, fallback, text]) => [name, fallback, text])).toEqual(
      VARIABLES.map((row) => [row.name, row.default === null ? '' : `\`${row.default}\``, row.description]),
    );
  });
});
