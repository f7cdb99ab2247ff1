/**
 * Row-level security of a schema: the two roles that work for the services, what they may touch, and the policies. Which
 * tables are tenants' is read from the catalogue, so a new table needs no word about it (docs/adr/0008).
 */
import pg from 'pg'
import { appRole, systemRole } from './binding.ts'
import { PromptClient } from './prompt-client.ts'

const roles = [appRole, systemRole] as const
const bothRoles = roles.join(', ')

/** The database is not set up as the program needs it; the message says what an operator can do about it. */
export class DatabaseSetupError extends Error {}

/** SQLSTATE: insufficient_privilege. */
const refused = '42501'

/** Roles belong to the server: somebody else, in another database of it, may be making the same ones. */
const createRoles = `DO $$
  DECLARE wanted text;
  BEGIN
    FOREACH wanted IN ARRAY ARRAY['${roles.join(`', '`)}'] LOOP
      CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END LOOP;
  END $$`

/** Whether a login may become both roles. From PostgreSQL 16 on a member needs to be told so. */
const mayBecome = async (client: pg.ClientBase, login: string): Promise<boolean> => {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT coalesce(bool_and(pg_has_role($1, oid,
       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)), false)
       AND count(*) = ${roles.length} AS may
     FROM pg_roles WHERE rolname = ANY ($2)`,
    [login, roles],
  )
  return rows[0]!.may
}

const remedy = (logins: readonly string[]): string =>
  `an administrator of the server has to run: ${roles.map((role) => `CREATE ROLE ${role} NOLOGIN;`).join(' ')} ` +
  logins.map((login) => `GRANT ${bothRoles} TO ${pg.escapeIdentifier(login)};`).join(' ')

/**
 * Makes the two roles, which can neither log in nor bypass policies, unless they are there, and their members of the
 * logins that migrate and that serve. @throws DatabaseSetupError when the login may not and nobody has before
 */
export const prepareRoles = async (client: pg.ClientBase, servingLogin: string | undefined): Promise<void> => {
  const { rows } = await client.query<{ login: string }>('SELECT session_user AS login')
  const logins = [...new Set([rows[0]!.login, servingLogin ?? rows[0]!.login])]
  try {
    await client.query(createRoles)
    for (const login of logins)
      if (!(await mayBecome(client, login))) await client.query(`GRANT ${bothRoles} TO ${pg.escapeIdentifier(login)}`)
  } catch (thrown) {
    const { code, message } = thrown as pg.DatabaseError
    if (code !== refused) throw thrown
    throw new DatabaseSetupError(`roles cannot be made (${message}): ${remedy(logins)}`, { cause: thrown })
  }
}

/** Tables of the schema `$1` and whether they are tenants'. Partitions are tables of their own: they can be named. */
const tablesSql = `
  SELECT c.oid::regclass AS name, tenant.attnum IS NOT NULL AS of_tenants, c.relrowsecurity AND c.relforcerowsecurity
      AND (SELECT count(*) = 3 FROM pg_policy WHERE polrelid = c.oid AND polname IN ('tenant_rows', 'system_rows', 'owner_rows'))
      AS is_secured
  FROM pg_class c
  LEFT JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id' AND NOT tenant.attisdropped
  WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'`

/**
 * Secures what lacks it. A function in the schema, since partitions are made while the service runs. A table without a
 * tenant_id is the system's alone. The system's policy names the role once more: a login that inherits from it, as
 * members do by default, would otherwise see all rows without having become it. It says so in a CASE: of a bare
 * comparison the planner believes that one row in two hundred passes, and scans whole tables for what it takes for a few.
 * The owner sees rows while it maintains the tables, in migrations and when it makes partitions.
 */
const secureTables = (schema: string) => {
  const namespace = pg.escapeIdentifier(schema)
  return `
    CREATE OR REPLACE FUNCTION ${namespace}.secure_tables() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE found record;
    BEGIN
      FOR found IN ${tablesSql.replace('$1', pg.escapeLiteral(schema))} LOOP
        IF NOT has_table_privilege('${systemRole}', found.name, 'DELETE') THEN
          EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO ${systemRole}', found.name);
        END IF;
        CONTINUE WHEN NOT found.of_tenants OR found.is_secured;
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO ${appRole}', found.name);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', found.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant_rows ON %s', found.name);
        EXECUTE format('CREATE POLICY tenant_rows ON %s TO ${appRole}
          USING (tenant_id = nullif(current_setting(''clawmesh.tenant_id'', true), '''')::uuid)', found.name);
        EXECUTE format('DROP POLICY IF EXISTS system_rows ON %s', found.name);
        EXECUTE format('CREATE POLICY system_rows ON %s TO ${systemRole}
          USING (CASE WHEN current_user = ''${systemRole}'' THEN true ELSE false END)', found.name);
        EXECUTE format('DROP POLICY IF EXISTS owner_rows ON %s', found.name);
        EXECUTE format('CREATE POLICY owner_rows ON %s TO CURRENT_USER
          USING (current_setting(''clawmesh.maintenance'', true) = ''on'')', found.name);
      END LOOP;
    END $$;
    GRANT USAGE ON SCHEMA ${namespace} TO ${bothRoles};
    SELECT ${namespace}.secure_tables();`
}

/** For a transaction of the owner that changes rows as well as tables. */
export const maintenanceSql = `SET LOCAL clawmesh.maintenance = 'on'`

/** Gives every table of a schema its policies. Changes nothing where they are. */
export const secureSchema = async (client: pg.ClientBase, schema: string): Promise<void> => {
  await client.query(secureTables(schema))
}

/** What keeps services from working with a migrated schema, or from doing so safely, and the remedy. */
export interface RowSecurityFault {
  detail: string
  remedy: string
}

/** The first fault that the serving login would meet; undefined when all is well. */
export const rowSecurityFault = async (url: string, schema: string): Promise<RowSecurityFault | undefined> => {
  const client = new PromptClient({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ login: string }>('SELECT session_user AS login')
    const { login } = rows[0]!
    if (!(await mayBecome(client, login)))
      return { detail: `${login} may not become ${bothRoles}`, remedy: remedy([login]) }
    const powers = await client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls)',
      [roles],
    )
    for (const { name } of powers.rows)
      return { detail: `no policy binds ${name}`, remedy: `run ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS` }
    const tables = await client.query<{ name: string; of_tenants: boolean; is_secured: boolean }>(tablesSql, [schema])
    const open = tables.rows.filter(({ of_tenants, is_secured }) => of_tenants && !is_secured).map(({ name }) => name)
    return open.length === 0
      ? undefined
      : { detail: `no row-level security on ${open.join(', ')}`, remedy: 'run clawmesh migrate' }
  } finally {
    await client.end()
  }
}
