import pg from 'pg';
import { StartError } from '../lib/errors.ts';
import { TENANT_ROLE } from './schema.ts';

const TABLES = ['np_slos', 'np_slo_snapshots', 'np_slo_reports'] as const;
const INSUFFICIENT_PRIVILEGE = '42501';

const policyOf = (table: string): string => `${table}_hasura`;

interface Standing {
  readonly exists: boolean;
  /** Whether the tenant role has, without a further step, what the role has. */
  readonly is_tenants: boolean;
  readonly in_public: boolean;
  /** The tables that it may not select from. */
  readonly unreadable: readonly string[];
}

const STANDING = `
  SELECT r.oid IS NOT NULL AS exists,
    COALESCE(pg_has_role('${TENANT_ROLE}', r.oid, 'USAGE'), false) AS is_tenants,
    COALESCE(has_schema_privilege(r.oid, 'public', 'USAGE'), false) AS in_public,
    ARRAY(SELECT t FROM unnest($2::text[]) t
          WHERE NOT COALESCE(has_table_privilege(r.oid, 'public.' || t, 'SELECT'), false)) AS unreadable
  FROM (SELECT $1::text AS name) n LEFT JOIN pg_roles r ON r.rolname = n.name`;

async function standingOf(client: pg.Client, role: string): Promise<Standing> {
  const { rows } = await client.query<Standing>(STANDING, [role, TABLES]);
  return rows[0] ?? { exists: false, is_tenants: false, in_public: false, unreadable: TABLES };
}

/** What takes away the policies of another role, and gives the tables that have none their own. */
async function policyChanges(client: pg.Client, role: string | null): Promise<string[]> {
  const { rows } = await client.query<{ tablename: string; roles: string[] }>(
    `SELECT tablename, roles::text[] AS roles FROM pg_policies
     WHERE schemaname = 'public' AND policyname = ANY($1)`,
    [TABLES.map(policyOf)],
  );
  const isRight = ({ roles }: { roles: readonly string[] }): boolean =>
    roles.length === 1 && roles[0] === role;
  const kept = rows.filter(isRight).map(({ tablename }) => tablename);
  const dropped = rows
    .filter((policy) => !isRight(policy))
    .map(({ tablename }) => `DROP POLICY ${policyOf(tablename)} ON public.${tablename}`);
  if (role === null) return dropped;
  const name = pg.escapeIdentifier(role);
  const created = TABLES.filter((table) => !kept.includes(table)).map(
    (table) => `CREATE POLICY ${policyOf(table)} ON public.${table} FOR SELECT TO ${name} USING (true)`,
  );
  return [...dropped, ...created];
}

/** Grants that are missing, as statements. Nothing is granted in the schema of the partitions. */
function missingGrants(role: string, { in_public, unreadable }: Standing): string[] {
  const name = pg.escapeIdentifier(role);
  return [
    ...(in_public ? [] : [`GRANT USAGE ON SCHEMA public TO ${name}`]),
    ...(unreadable.length === 0
      ? []
      : [`GRANT SELECT ON ${unreadable.map((table) => `public.${table}`).join(', ')} TO ${name}`]),
  ];
}

function refusal(what: string, statements: readonly string[], cause?: unknown): StartError {
  const asked = statements.map((statement) => `${statement};`).join(' ');
  return new StartError(`HASURA_DB_ROLE: ${what}; an administrator of the server must run: ${asked}`, 1, {
    cause,
  });
}

/**
 * Lets the role that Hasura connects with (HASURA_DB_ROLE) read the three tables, and takes that from the one
 * that was named before; null for none. It sees the rows of all accounts: Hasura filters them by its own
 * permissions. A role that is neither owner nor superuser would, without a policy, silently see none.
 * Throws a StartError that names the statements to run where the database's user lacks the right to.
 */
export async function ensureHasuraRole(client: pg.Client, role: string | null): Promise<void> {
  const standing = role === null ? null : await standingOf(client, role);
  if (role !== null && standing !== null) {
    const name = pg.escapeIdentifier(role);
    if (!standing.exists) throw refusal(`there is no role ${name}`, [`CREATE ROLE ${name} LOGIN`]);
    if (standing.is_tenants) {
      throw new StartError(
        `HASURA_DB_ROLE: expected a role of Hasura's own (got ${name}, whose rights ${TENANT_ROLE} has, so that ` +
          'every request would see all accounts)',
        78,
      );
    }
  }
  const grants = role === null || standing === null ? [] : missingGrants(role, standing);
  const statements = [...(await policyChanges(client, role)), ...grants];
  if (statements.length === 0) return;
  try {
    // Several statements in one query are one transaction.
    await client.query(statements.join('; '));
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw refusal('the user of DATABASE_URL may not let it read the tables', statements, error);
  }
  if (role === null) return;
  // A GRANT by somebody who holds no grant option is a warning, and does nothing.
  const ungranted = missingGrants(role, await standingOf(client, role));
  if (ungranted.length > 0) {
    throw refusal('the user of DATABASE_URL may not let it read the tables', ungranted);
  }
}
