import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cruise } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const CHECKOUT = join(import.meta.dirname, '..');

export interface FloorReport {
  /** One line each, empty when the house stands. */
  readonly faults: readonly string[];
  /** Source files that the cruise saw. */
  readonly seen: number;
}

/**
 * Holds the imports of `root/src` against .dependency-cruiser.mjs.
 * A cruise that misses a source file is a fault too: with a compiler that it does not know,
 * dependency-cruiser sees nothing and reports success.
 */
export async function checkFloors(root: string): Promise<FloorReport> {
  const options = await extractDepcruiseOptions(join(CHECKOUT, '.dependency-cruiser.mjs'));
  const tsConfig = extractTsConfig(join(CHECKOUT, 'tsconfig.json'));
  const { output } = await cruise(['src'], { ...options, baseDir: root }, undefined, { tsConfig });
  if (typeof output === 'string')
    throw new Error('dependency-cruiser answered with text instead of a result');

  const cruised = new Set(output.modules.map((module) => module.source));
  const written = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file));
  const missed = written.filter((file) => !cruised.has(file));
  return {
    seen: written.length - missed.length,
    faults: [
      ...output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
      ...missed.map((file) => `unseen: ${file}`),
      ...(written.length === 0 ? ['unseen: src holds no TypeScript file'] : []),
    ],
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { faults, seen } = await checkFloors(CHECKOUT);
  for (const fault of faults) console.error(fault);
  console.log(`floors: ${seen} files, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
