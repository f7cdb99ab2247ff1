/** Removes all that a schema holds of one tenant. Which tables are tenants' is read from the catalogue, as for their policies. */
import pg from 'pg'
import type { Database } from './database.ts'

/** Rows of one statement, so that nobody waits long for a lock. */
const batch = 5_000
/** SQLSTATE: foreign_key_violation. */
const isReferred = (thrown: unknown): boolean => (thrown as { code?: unknown }).code === '23503'

/** Tables of tenants; partitions are reached through their table. */
const tablesSql = `
  SELECT c.relname AS name FROM pg_class c
  JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id' AND NOT tenant.attisdropped
  WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname`

/**
 * Deletes the rows of a tenant from every table of a service, in its own scope: row-level security keeps others' rows out of
 * reach. Interrupted, it may be run again.
 * @returns how many rows went with a statement of their own, by table
 * @throws TypeError when the id is no UUID
 */
export const eraseTenantRows = async (
  { forTenant, schema }: Database,
  tenantId: string,
): Promise<ReadonlyMap<string, number>> => {
  const { query } = forTenant(tenantId)
  const erased = new Map<string, number>()
  const erase = async (table: string): Promise<void> => {
    const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`
    for (;;) {
      const { rowCount } = await query(
        `DELETE FROM ${name} WHERE tenant_id = $1
           AND (tableoid, ctid) IN (SELECT tableoid, ctid FROM ${name} WHERE tenant_id = $1 LIMIT ${batch})`,
        [tenantId],
      )
      if (!rowCount) return
      erased.set(table, (erased.get(table) ?? 0) + rowCount)
    }
  }
  const { rows } = await query<{ name: string }>(tablesSql, [schema])
  // What others refer to waits until those are gone.
  let left = rows.map(({ name }) => name)
  while (left.length > 0) {
    const referred: string[] = []
    for (const table of left)
      await erase(table).catch((thrown: unknown) => {
        if (!isReferred(thrown) || referred.length + 1 === left.length) throw thrown
        referred.push(table)
      })
    left = referred
  }
  return erased
}
