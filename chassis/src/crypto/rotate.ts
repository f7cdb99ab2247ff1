/** Brings stored secrets under the current key while readers and writers go on (docs/adr/0011). */
import type { Database } from '../db/database.ts'
import type { SecretBox, SecretColumn } from './secret-box.ts'

/** Rows that are read at a time; a value may be a megabyte. */
const batchRows = 50
/** A value that keeps changing under our hands is left to the next run after this many attempts. */
const maxPasses = 5

interface Row {
  id: string
  tenant_id: string
  value: string
}

/** A value that no known key opens. */
export interface UnreadableSecret {
  table: string
  rowId: string
  tenantId: string
  /** As far as the value says: `mesh2:0a1b2c3d`, `aes-gcm` or `unknown`. Never the value. */
  under: string
}

export interface Rotation {
  /** Values that were sealed anew, or would be in a dry run. */
  rotated: number
  /** Values that somebody wrote each time they were about to be; they want another run. */
  contended: number
  unreadable: UnreadableSecret[]
}

/** How many values of a column stand under a key, or in a format that names none. */
export interface SecretCount {
  table: string
  under: string
  count: number
}

const under = (column: string): string =>
  `CASE WHEN ${column} LIKE 'aes-gcm:%' THEN 'aes-gcm'
        ELSE COALESCE(substring(${column} from '^mesh[12]:[0-9a-f]{8}'), 'unknown') END`

/** Counts values by the key that they name. No value leaves the database. */
export const countSecrets = async (
  { system, schema }: Database,
  columns: readonly SecretColumn[],
): Promise<SecretCount[]> => {
  const found = await Promise.all(
    columns.map(async ({ table, column }) => {
      const { rows } = await system.query<{ under: string; count: number }>(
        `SELECT ${under(column)} AS under, count(*) AS count FROM "${schema}"."${table}"
         WHERE ${column} <> '' GROUP BY 1 ORDER BY 1`,
      )
      return rows.map((row) => ({ table, ...row }))
    }),
  )
  return found.flat()
}

/**
 * Seals every value of a column that is not under the current key anew. Each value is replaced only while it is still
 * what was read, so that whoever writes meanwhile wins. Ending half way loses nothing: the next run goes on.
 */
export const rotateSecrets = async (
  { system, schema }: Database,
  column: SecretColumn,
  secrets: SecretBox,
  { dryRun }: { dryRun: boolean },
): Promise<Rotation> => {
  const table = `"${schema}"."${column.table}"`
  const value = `"${column.column}"`
  const unreadable = new Map<string, UnreadableSecret>()
  let rotated = 0

  const staleAfter = async (id: string): Promise<Row[]> =>
    (
      await system.query<Row>(
        `SELECT id, tenant_id, ${value} AS value FROM ${table}
         WHERE id > $1 AND ${value} <> '' AND NOT starts_with(${value}, $2) ORDER BY id LIMIT ${batchRows}`,
        [id, secrets.currentPrefix],
      )
    ).rows

  const sealAnew = async ({ id, tenant_id: tenantId, value: stored }: Row): Promise<boolean> => {
    const place = { column, tenantId, rowId: id }
    let plain: string
    try {
      plain = secrets.open(stored, place)
    } catch {
      const named = /^(mesh[12]:[0-9a-f]{8}|aes-gcm)/.exec(stored)?.[0] ?? 'unknown'
      unreadable.set(id, { table: column.table, rowId: id, tenantId, under: named })
      return true
    }
    unreadable.delete(id)
    if (!dryRun) {
      const { rowCount } = await system.query(`UPDATE ${table} SET ${value} = $3 WHERE id = $1 AND ${value} = $2`, [
        id,
        stored,
        secrets.seal(plain, place),
      ])
      if (rowCount === 0) return false
    }
    rotated++
    return true
  }

  /** Goes over the table once; returns how many values were written by somebody else meanwhile. */
  const pass = async (): Promise<number> => {
    let lost = 0
    let last = '00000000-0000-0000-0000-000000000000'
    for (let rows = await staleAfter(last); rows.length > 0; rows = await staleAfter(last)) {
      for (const row of rows) if (!(await sealAnew(row))) lost++
      last = rows.at(-1)!.id
    }
    return lost
  }

  let contended = await pass()
  for (let passes = 1; contended > 0 && passes < maxPasses; passes++) contended = await pass()
  return { rotated, contended, unreadable: [...unreadable.values()] }
}
