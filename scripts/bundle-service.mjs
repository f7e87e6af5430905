// Plain JavaScript, since Node.js has to run it as it is.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const CHECKOUT = join(import.meta.dirname, '..');
/** As far below the checkout as the modules it is made of, which look for files above them. */
const BUNDLE = join(CHECKOUT, 'dist/start/main.js');

/**
 * Makes one file of the sources, for `npm start`. Through tsx, which translates them as they are loaded, an idle service
 * takes 40 MB more and twice as long to start. Answers where the file is.
 */
export async function bundleService() {
  const { outputFiles } = await build({
    entryPoints: [join(CHECKOUT, 'src/main.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    logLevel: 'error',
  });
  const [{ contents }] = outputFiles;
  const draft = `${BUNDLE}.${process.pid}`;
  await mkdir(dirname(BUNDLE), { recursive: true });
  await writeFile(draft, contents);
  // At once, since another start may be reading it.
  await rename(draft, BUNDLE);
  return BUNDLE;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await bundleService();
