import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keepDevelopmentSecrets } from '../../src/development-secrets.ts';
import { StartError } from '../../src/lib/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'nself-slo-tracker-secrets-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('development secrets', () => {
  it('are made once and kept where nobody else reads them', () => {
    const dataDir = join(root, 'new', 'data');
    const made = keepDevelopmentSecrets(dataDir);
    expect(made.pluginSecret.length).toBeGreaterThanOrEqual(16);
    expect(Buffer.byteLength(made.accessKeySecret)).toBeGreaterThanOrEqual(32);
    expect(keepDevelopmentSecrets(dataDir)).toEqual(made);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  it('that are damaged are named, not replaced', () => {
    writeFileSync(join(root, 'secrets.json'), '{"pluginSecret": ');
    expect(() => keepDevelopmentSecrets(root)).toThrow(StartError);
    expect(() => keepDevelopmentSecrets(root)).toThrow(/secrets\.json is damaged: remove it/);
  });
});
