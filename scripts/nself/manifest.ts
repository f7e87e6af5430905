import { z } from 'zod';
import { PLUGIN_NAME } from '../../src/services/license.ts';
import type { Variable } from './variables.ts';

export const PORT = 3835;
/** The CLI hands every plugin its secret under this name. */
const NAMES_IN_NSELF: Readonly<Record<string, string>> = { PLUGIN_SECRET: 'PLUGIN_INTERNAL_SECRET' };
const ISOLATION_COLUMN = 'source_account_id';

/** What the manifest takes from package.json. */
export const PackageJson = z.object({
  version: z.string().regex(/^\d+\.\d+\.\d+/),
  description: z.string().min(1),
  license: z.string().min(1),
  author: z.string().min(1),
});

/** plugin.json in nSelf's first version of it; no field beyond these. */
export const Manifest = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  version: z.string(),
  description: z.string().min(1),
  author: z.string().min(1),
  license: z.string().min(1),
  port: z.int().min(1).max(65_535),
  category: z.literal('infrastructure'),
  language: z.literal('typescript'),
  runtime: z.literal('node'),
  minNselfVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
  tags: z.array(z.string()).min(1),
  tables: z.array(z.string().startsWith('np_')).min(1),
  dependencies: z.strictObject({ required: z.array(z.string()), optional: z.array(z.string()) }),
  envVars: z.strictObject({ required: z.array(z.string()), optional: z.array(z.string()) }),
  config: z.strictObject({ defaultPort: z.int() }),
  hooks: z.record(z.string(), z.string()),
  multiApp: z.strictObject({
    supported: z.literal(true),
    isolationColumn: z.literal(ISOLATION_COLUMN),
    pkStrategy: z.literal('uuid'),
    defaultValue: z.literal('primary'),
  }),
  permissions: z.strictObject({ database: z.boolean(), network: z.boolean(), filesystem: z.boolean() }),
  status: z.enum(['stable', 'beta', 'alpha']),
  health_endpoint: z.string().startsWith('/'),
  tier: z.literal('pro'),
  isCommercial: z.literal(true),
  licenseType: z.literal('pro'),
  requires_license: z.literal(true),
  requiredEntitlements: z.array(z.string()).min(1),
});

export type Manifest = z.infer<typeof Manifest>;

/** The manifest that `nself plugin install` reads. */
export function manifest(
  packageJson: z.infer<typeof PackageJson>,
  tables: readonly string[],
  variables: readonly Variable[],
): Manifest {
  const required = variables
    .filter(({ standing }) => standing === 'required')
    .map(({ name }) => NAMES_IN_NSELF[name] ?? name);
  const optional = variables.map(({ name }) => name).filter((name) => !required.includes(name));
  return {
    name: PLUGIN_NAME,
    version: packageJson.version,
    description: packageJson.description,
    author: packageJson.author,
    license: packageJson.license,
    port: PORT,
    category: 'infrastructure',
    language: 'typescript',
    runtime: 'node',
    minNselfVersion: '1.0.0',
    tags: ['slo', 'sli', 'error-budget', 'burn-rate', 'observability'],
    tables: [...tables],
    dependencies: { required: [], optional: [] },
    envVars: { required, optional },
    config: { defaultPort: PORT },
    hooks: {},
    multiApp: {
      supported: true,
      isolationColumn: ISOLATION_COLUMN,
      pkStrategy: 'uuid',
      defaultValue: 'primary',
    },
    permissions: { database: true, network: true, filesystem: false },
    status: 'beta',
    health_endpoint: '/health',
    tier: 'pro',
    isCommercial: true,
    licenseType: 'pro',
    requires_license: true,
    requiredEntitlements: [PLUGIN_NAME],
  };
}
