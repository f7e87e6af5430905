import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { privilegeRefusal } from './privileges.ts';
import { TENANT_ROLE } from './schema.ts';

/**
 * What may not be left to chance. LOGIN without a password: Citus opens sessions on its workers under this
 * role, and nobody else gets in by it.
 */
const ATTRIBUTES = 'LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION';
const CREATE_ROLE = `CREATE ROLE ${TENANT_ROLE} ${ATTRIBUTES}`;

const DUPLICATE_OBJECT = '42710';
const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';
/** `tuple concurrently updated`, which has no code of its own. */
const INTERNAL_ERROR = 'XX000';
const CONFLICTS = new Set([DUPLICATE_OBJECT, UNIQUE_VIOLATION, INTERNAL_ERROR]);

function codeOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Roles belong to the whole server, so that another database's migration may be at it at the same moment. */
async function run(client: pg.Client, statement: string, refused: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (code === DUPLICATE_OBJECT || code === UNIQUE_VIOLATION) return;
      if (code === INSUFFICIENT_PRIVILEGE) throw privilegeRefusal(refused, statement, error);
      if (!CONFLICTS.has(code) || attempt === 10) throw error;
      await sleep(50 * attempt);
    }
  }
}

/**
 * Sees to it that the tenant role exists, that row level security binds it, and that the database's user may
 * take it on. Throws a StartError that names the statement to run where the user lacks the right to.
 */
export async function ensureRoles(client: pg.Client, serverVersion: number): Promise<void> {
  const user = client.escapeIdentifier(
    (await client.query<{ name: string }>('SELECT current_user AS name')).rows[0]?.name ?? '',
  );
  const find = () =>
    client.query<{ unbound: boolean }>(
      'SELECT rolsuper OR rolbypassrls AS unbound FROM pg_roles WHERE rolname = $1',
      [TENANT_ROLE],
    );
  let role = (await find()).rows[0];
  if (role === undefined) {
    await run(client, CREATE_ROLE, `the role ${TENANT_ROLE} is missing, and ${user} may not create it`);
    role = (await find()).rows[0];
  }
  if (role?.unbound === true) {
    throw privilegeRefusal(
      `row level security does not bind the role ${TENANT_ROLE}`,
      `ALTER ROLE ${TENANT_ROLE} NOSUPERUSER NOBYPASSRLS`,
    );
  }
  // Since PostgreSQL 16 a membership has options of its own, and a creator's does not include SET.
  const hasOptions = serverVersion >= 160_000;
  const may = await client.query<{ granted: boolean }>(
    'SELECT pg_has_role(current_user, $1, $2) AS granted',
    [TENANT_ROLE, hasOptions ? 'SET' : 'MEMBER'],
  );
  if (may.rows[0]?.granted === true) return;
  const options = hasOptions ? ' WITH SET TRUE, INHERIT FALSE' : '';
  const grant = `GRANT ${TENANT_ROLE} TO ${user}${options}`;
  await run(client, grant, `${user} may not take on the role ${TENANT_ROLE}`);
}
