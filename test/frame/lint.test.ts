import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../..');
const tree = mkdtempSync(join(tmpdir(), 'lint-'));

/** What biome says of a file with this content at this place, by rule. */
function faults(file: string, content: string): string[] {
  const path = join(tree, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const biome = join(CHECKOUT, 'node_modules/.bin/biome');
  const { stdout, stderr } = spawnSync(biome, ['lint', '--colors=off', file], {
    cwd: tree,
    encoding: 'utf8',
  });
  rmSync(path);
  return [...`${stdout}${stderr}`.matchAll(/^\S+\.ts(?::\d+:\d+)? (lint\/\S+|plugin) /gm)].map(
    (match) => match[1] ?? '',
  );
}

beforeAll(() => {
  for (const file of ['biome.json', 'tsconfig.json', 'package.json', 'scripts/lint', '.gitignore']) {
    cpSync(join(CHECKOUT, file), join(tree, file), { recursive: true });
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(tree, 'node_modules'));
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

describe('the lint rules', () => {
  it.each<[sentence: string, content: string, rule: string, allowed: string]>([
    ['end the process', 'process.exit(1);\n', 'plugin', 'src/main.ts'],
    ['read the environment', 'export const x = process.env;\n', 'lint/style/noProcessEnv', 'src/config.ts'],
    ['read the real clock', 'export const x = Date.now();\n', 'plugin', 'src/lib/clock.ts'],
    ['print', "console.log('here');\n", 'lint/suspicious/noConsole', 'src/main.ts'],
  ])('let only one place %s', (_sentence, content, rule, allowed) => {
    expect(faults('src/services/read-status.ts', content)).toContain(rule);
    expect(faults(allowed, content)).toEqual([]);
  });

  it.each<[sentence: string, content: string, rule: string]>([
    ['any', 'export const x = (y: any): number => y;\n', 'lint/suspicious/noExplicitAny'],
    ['!', 'export const x = (y: string[]): string => y[0]!;\n', 'lint/style/noNonNullAssertion'],
    ['a bare module of Node', "import 'fs';\n", 'lint/style/useNodejsImportProtocol'],
    ['a way around the process', "import 'node:process';\n", 'lint/style/noRestrictedImports'],
    [
      'a promise that nobody waits for',
      'async function x(): Promise<void> {}\nexport function y(): void {\n  x();\n}\n',
      'lint/nursery/noFloatingPromises',
    ],
    [
      'a switch that forgets a case',
      "export function x(y: 'a' | 'b'): number {\n  switch (y) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}\n",
      'lint/nursery/useExhaustiveSwitchCases',
    ],
    ['a default export', 'export default 1;\n', 'lint/style/noDefaultExport'],
  ])('refuse %s', (_sentence, content, rule) => {
    expect(faults('src/services/read-status.ts', content)).toContain(rule);
  });

  it('refuse a file name in another case', () => {
    expect(faults('src/services/readStatus.ts', 'export const x = 1;\n')).toEqual([
      'lint/style/useFilenamingConvention',
    ]);
  });
});
