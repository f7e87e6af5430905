import type pg from 'pg';
import { StartError } from '../lib/errors.ts';

/** The database's user lacks a right that an administrator can give by `statement`. */
export function privilegeRefusal(what: string, statement: string, cause?: unknown): StartError {
  return new StartError(`DATABASE_URL: ${what}; an administrator of the server must run: ${statement};`, 1, {
    cause,
  });
}

interface Rights {
  readonly user: string;
  readonly database: string;
  /** Schemas can be made. */
  readonly in_database: boolean;
  /** Tables can be made. */
  readonly in_public: boolean;
  /** Who owns the tables; null before the first migration. */
  readonly owner: string | null;
  readonly is_owner: boolean;
  readonly is_owner_superuser: boolean;
}

const RIGHTS = `
  SELECT quote_ident(current_user) AS user, quote_ident(current_database()) AS database,
    has_database_privilege(current_database(), 'CREATE') AS in_database,
    has_schema_privilege('public', 'CREATE') AS in_public,
    quote_ident(r.rolname) AS owner, COALESCE(pg_has_role(r.oid, 'USAGE'), false) AS is_owner,
    COALESCE(r.rolsuper, false) AS is_owner_superuser
  FROM (SELECT to_regclass('public.np_slos') AS oid) t
  LEFT JOIN pg_class c ON c.oid = t.oid LEFT JOIN pg_roles r ON r.oid = c.relowner`;

/**
 * Sees to it that the database's user may make and change the schemas and tables. Throws a StartError that names
 * the statement to run where it may not.
 */
export async function assertMayMigrate(client: pg.Client): Promise<void> {
  const rights = (await client.query<Rights>(RIGHTS)).rows[0];
  if (rights === undefined) return;
  const { user, database, owner } = rights;
  if (!rights.in_database) {
    throw privilegeRefusal(
      `${user} may not create schemas in the database ${database}`,
      `GRANT CREATE ON DATABASE ${database} TO ${user}`,
    );
  }
  if (owner === null) {
    if (rights.in_public) return;
    throw privilegeRefusal(
      `${user} may not create tables in the schema public of the database ${database}`,
      `GRANT CREATE ON SCHEMA public TO ${user}`,
    );
  }
  if (rights.is_owner) return;
  if (rights.is_owner_superuser) {
    throw new StartError(
      `DATABASE_URL: the tables belong to the superuser ${owner}, whom ${user} cannot stand in for: connect as ${owner}`,
      1,
    );
  }
  throw privilegeRefusal(
    `the tables belong to ${owner}, and ${user} may not act as it`,
    `GRANT ${owner} TO ${user}`,
  );
}
