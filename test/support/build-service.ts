import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const CHECKOUT = join(import.meta.dirname, '..', '..');
/** The service, the demo, and what tests start beside them. */
const FOLDERS = ['src', 'scripts', 'test'];
/** Inside of node_modules, so that the built files find their packages; they lie in it as their sources in the checkout. */
const TARGET = join(CHECKOUT, 'node_modules', '.cache', 'nself-slo-tracker-service');

/**
 * Builds the service as an image runs it, and the programs of tests, for those that start them as processes: from the
 * sources with tsx each start takes three times the processor time. Only what has changed is built again; types are for
 * `npm run check`. Answers the folder that they are built into.
 */
export async function buildService(): Promise<string> {
  const names: string[] = [];
  for (const folder of FOLDERS) names.push(...(await filesIn(CHECKOUT, folder)).filter(isProgram));
  const builtNames = new Set(names.map(builtName));
  // What the service looks for two folders above its modules.
  await mkdir(TARGET, { recursive: true });
  for (const name of ['package.json', 'drizzle']) await linkTo(join(CHECKOUT, name), join(TARGET, name));
  for (const folder of FOLDERS) {
    await mkdir(join(TARGET, folder), { recursive: true });
    for (const name of await filesIn(TARGET, folder)) {
      if (name.endsWith('.js') && !builtNames.has(name)) await rm(join(TARGET, name));
    }
  }
  const changed: string[] = [];
  for (const name of names) {
    const built = await mtimeOf(join(TARGET, builtName(name)));
    if (built !== (await mtimeOf(join(CHECKOUT, name)))) changed.push(name);
  }
  if (changed.length > 0) await transpile(changed);
  return TARGET;
}

const isProgram = (name: string): boolean => name.endsWith('.ts') && !name.endsWith('.test.ts');

/** Of a source, both as paths within the checkout. */
export const builtName = (name: string): string => name.replace(/\.ts$/, '.js');

/** All files of a folder of `root`, as paths within `root`. */
async function filesIn(root: string, folder: string): Promise<string[]> {
  return (await readdir(join(root, folder), { recursive: true })).map((name) => join(folder, name));
}

/** In milliseconds; null for a file that is not there. */
async function mtimeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.mtime.getTime() ?? null;
}

async function linkTo(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function transpile(names: readonly string[]): Promise<void> {
  const { default: ts } = await import('typescript');
  const { config } = ts.readConfigFile(join(CHECKOUT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, CHECKOUT);
  const compilerOptions = { ...options, noEmit: false, module: ts.ModuleKind.ESNext };
  for (const name of names) {
    const source = join(CHECKOUT, name);
    const { mtime } = await stat(source);
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), { compilerOptions });
    const built = join(TARGET, builtName(name));
    const draft = `${built}.${process.pid}`;
    await mkdir(dirname(built), { recursive: true });
    await writeFile(draft, outputText);
    await utimes(draft, mtime, mtime);
    // At once, since another run may be starting it.
    await rename(draft, built);
  }
}
