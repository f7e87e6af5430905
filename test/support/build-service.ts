import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const SOURCES = join(CHECKOUT, 'src');
/** Inside of node_modules, so that the built files find their packages. */
const TARGET = join(CHECKOUT, 'node_modules', '.cache', 'nself-slo-tracker-service');
const BUILT = join(TARGET, 'dist');

/**
 * Builds the service as an image runs it, for tests that start it as a process: from the sources with tsx each start
 * takes three times the processor time. Only what has changed is built again; types are for `npm run check`. Answers
 * the path of `main.js`.
 */
export async function buildService(): Promise<string> {
  const names = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const builtNames = new Set(names.map(builtName));
  await mkdir(BUILT, { recursive: true });
  // What the service looks for two folders above its modules.
  for (const name of ['package.json', 'drizzle']) await linkTo(join(CHECKOUT, name), join(TARGET, name));
  for (const name of await readdir(BUILT, { recursive: true })) {
    if (name.endsWith('.js') && !builtNames.has(name)) await rm(join(BUILT, name));
  }
  const changed: string[] = [];
  for (const name of names) {
    const built = await mtimeOf(join(BUILT, builtName(name)));
    if (built !== (await mtimeOf(join(SOURCES, name)))) changed.push(name);
  }
  if (changed.length > 0) await transpile(changed);
  return join(BUILT, 'main.js');
}

const builtName = (name: string): string => name.replace(/\.ts$/, '.js');

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
    const source = join(SOURCES, name);
    const { mtime } = await stat(source);
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), { compilerOptions });
    const built = join(BUILT, builtName(name));
    const draft = `${built}.${process.pid}`;
    await mkdir(dirname(built), { recursive: true });
    await writeFile(draft, outputText);
    await utimes(draft, mtime, mtime);
    // At once, since another run may be starting it.
    await rename(draft, built);
  }
}
