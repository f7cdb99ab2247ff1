/**
 * Applies a service's migrations: plain SQL files in Prisma's folder layout, recorded in Prisma's own table, so that
 * Prisma's CLI agrees. No engine binary is needed (docs/adr/0004).
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PromptClient } from './prompt-client.ts'
import { maintenanceSql, prepareRoles, secureSchema } from './row-security.ts'

const bookkeeping = (schema: string) => `
  CREATE SCHEMA IF NOT EXISTS "${schema}";
  CREATE TABLE IF NOT EXISTS "${schema}"."_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
  );`

interface Migration {
  name: string
  sql: string
  checksum: string
}

const readMigrations = async (folder: string): Promise<Migration[]> => {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

export interface MigrationTarget {
  url: string
  schema: string
  /** The service's `prisma/migrations`. */
  folder: string
  /** The login that serves, when it is another one than the URL's. */
  servingLogin?: string
}

/** Migrations that a database lacks, by name. */
export const pendingMigrations = async ({ url, schema, folder }: MigrationTarget): Promise<string[]> => {
  const client = new PromptClient({ connectionString: url })
  await client.connect()
  try {
    const known = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
      `"${schema}"."_prisma_migrations"`,
    ])
    const applied = known.rows[0]!.exists
      ? await client.query<{ migration_name: string }>(
          `SELECT migration_name FROM "${schema}"."_prisma_migrations" WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
        )
      : { rows: [] }
    const names = new Set(applied.rows.map((row) => row.migration_name))
    return (await readMigrations(folder)).map(({ name }) => name).filter((name) => !names.has(name))
  } finally {
    await client.end()
  }
}

/**
 * Brings a schema up to date, its row-level security included, and returns the names it applied. Each migration is one
 * transaction under an advisory lock, so that any number of processes may call this at once.
 * @throws Error when an applied migration was edited afterwards, or a statement fails
 * @throws DatabaseSetupError when the login may not do what is needed
 */
export const migrate = async ({ url, schema, folder, servingLogin }: MigrationTarget): Promise<string[]> => {
  const migrations = await readMigrations(folder)
  const client = new PromptClient({ connectionString: url, application_name: 'clawmesh-migrate' })
  await client.connect()
  const applied: string[] = []
  const inTransaction = async <T>(work: () => Promise<T>): Promise<T> => {
    await client.query('BEGIN')
    try {
      await client.query(`SELECT pg_advisory_xact_lock(hashtext('clawmesh migrate'))`)
      await client.query(maintenanceSql)
      const result = await work()
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
  }

  try {
    await inTransaction(() => prepareRoles(client, servingLogin))
    await inTransaction(() => client.query(bookkeeping(schema)))
    for (const { name, sql, checksum } of migrations) {
      await inTransaction(async () => {
        const known = await client.query<{ checksum: string }>(
          `SELECT checksum FROM "${schema}"."_prisma_migrations" WHERE migration_name = $1 AND rolled_back_at IS NULL`,
          [name],
        )
        const [row] = known.rows
        if (row !== undefined) {
          if (row.checksum !== checksum) throw new Error(`migration ${schema}/${name} was edited after it was applied`)
          return
        }
        await client.query(sql)
        await client.query(
          `INSERT INTO "${schema}"."_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
           VALUES ($1, $2, $3, now(), 1)`,
          [randomUUID(), checksum, name],
        )
        applied.push(name)
      })
    }
    await inTransaction(() => secureSchema(client, schema))
  } finally {
    await client.end()
  }
  return applied
}
