/** What is in the databases, as text that can be compared. */
import pg from 'pg'
import type { AllInOne } from '../support/all-in-one.ts'
import { hangLimitMs } from '../support/limits.ts'

export interface StoredState {
  /** A line for each table: its name, number of rows and a hash over them. */
  read: (tenantId?: string) => Promise<string[]>
  /** Waits until nothing changes by itself any more, which recording and indexing do after a request. */
  settle: () => Promise<void>
  close: () => Promise<void>
}

/** Tables that change without anybody asking for it. */
const restless = ['_prisma_migrations', 'outbox', 'runtime_probes']
/** Columns that change when something is only used. */
const restlessColumns: Readonly<Record<string, readonly string[]>> = {
  'identity.api_keys': ['last_used_at', 'updated_at'],
  'identity.oidc_issuers': ['keys', 'keys_fetched_at', 'keys_error', 'keys_failures', 'keys_next_at'],
}

interface Table {
  schema: string
  name: string
  hasTenant: boolean
}

const tablesOf = async (pool: pg.Pool): Promise<Table[]> => {
  const { rows } = await pool.query<{ schema: string; name: string; has_tenant: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS has_tenant
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($1)
       AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'public')
     ORDER BY 1, 2`,
    [restless],
  )
  return rows.map(({ schema, name, has_tenant: hasTenant }) => ({ schema, name, hasTenant }))
}

const queryOf = (tables: readonly Table[], tenantId: string | undefined): string =>
  tables
    .filter(
      ({ schema, name, hasTenant }) =>
        tenantId === undefined || hasTenant || `${schema}.${name}` === 'identity.tenants',
    )
    .map(({ schema, name, hasTenant }) => {
      const column = hasTenant ? 'tenant_id' : 'id'
      const where = tenantId === undefined ? '' : `WHERE ${column} = '${tenantId}'`
      const drop = (restlessColumns[`${schema}.${name}`] ?? [])
        .map((restlessColumn) => ` - '${restlessColumn}'`)
        .join('')
      return `SELECT '${schema}.${name}' AS name, count(*)::int AS rows,
                     md5(coalesce(string_agg(line, '' ORDER BY line), '')) AS hash
              FROM (SELECT (to_jsonb(t)${drop})::text AS line FROM "${schema}"."${name}" t ${where}) lines`
    })
    .join(' UNION ALL ')

const pauseMs = 300

export const openStoredState = async ({ databaseUrls }: AllInOne): Promise<StoredState> => {
  const pools = [databaseUrls.common, databaseUrls.memory].map(
    (connectionString) => new pg.Pool({ connectionString, max: 1, options: '-c max_parallel_workers_per_gather=0' }),
  )
  // Memory's own schema is empty in the common database, and the others' in memory's.
  const tables = await Promise.all(pools.map(tablesOf))

  const read = async (tenantId?: string): Promise<string[]> => {
    const results = await Promise.all(
      pools.map((pool, at) => pool.query<{ name: string; rows: number; hash: string }>(queryOf(tables[at]!, tenantId))),
    )
    // In an order of its own: parts of so large a union may be read side by side.
    return results
      .flatMap(({ rows }) => rows.map(({ name, rows: count, hash }) => `${name}: ${count} rows, ${hash}`))
      .toSorted()
  }

  return {
    read,
    settle: async () => {
      const deadline = Date.now() + hangLimitMs
      let last = (await read()).join()
      for (let quiet = 0; quiet < 3;) {
        if (Date.now() > deadline) throw new Error('the databases do not come to rest')
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
        const now = (await read()).join()
        quiet = now === last ? quiet + 1 : 0
        last = now
      }
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}
