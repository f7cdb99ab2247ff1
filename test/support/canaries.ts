/** A canary in every column that services declare as sealed: what comes of it anywhere is found by the sweep. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createSecretBox, parseEncryptionKey, type SecretColumn } from '@clawmesh/chassis'
import pg from 'pg'
import { secretColumns } from '../../cli/src/targets.ts'
import { secretMark } from './secret-sweep.ts'

interface Owner {
  tenantId: string
  userId: string
}

interface Column {
  name: string
  type: string
  length: number | null
  /** The table that it refers to. */
  refers: string | null
}

const columnsSql = `
  SELECT c.column_name AS name, c.udt_name AS type, c.character_maximum_length AS length,
    (SELECT k.confrelid::regclass::text FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid
      AND a.attnum = ANY (k.conkey) WHERE k.contype = 'f' AND k.conrelid = format('%I.%I', c.table_schema, c.table_name)::regclass
      AND a.attname = c.column_name AND c.column_name <> 'tenant_id') AS refers
  FROM information_schema.columns c
  WHERE c.table_schema = $1 AND c.table_name = $2 AND c.is_nullable = 'NO' AND c.column_default IS NULL`

/** A plausible value of a column. */
const valueOf = async (client: pg.Client, { name, type, length, refers }: Column, owner: Owner): Promise<unknown> => {
  if (name === 'tenant_id') return owner.tenantId
  if (name === 'user_id') return owner.userId
  if (refers !== null) {
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${refers} WHERE tenant_id = $1 LIMIT 1`, [
      owner.tenantId,
    ])
    return rows[0]!.id
  }
  if (type === 'uuid') return randomUUID()
  if (type === 'timestamptz') return new Date(Date.now() + 3_600_000)
  if (type === 'jsonb') return '{}'
  if (type.startsWith('_')) return []
  if (type === 'bool') return false
  if (type.startsWith('int')) return 0
  return randomBytes(32)
    .toString('hex')
    .slice(0, length ?? undefined)
}

/** A row of a tenant, made of what its columns demand. */
const addRow = async (client: pg.Client, schema: string, table: string, owner: Owner): Promise<void> => {
  const { rows: columns } = await client.query<Column>(columnsSql, [schema, table])
  const values = await Promise.all(columns.map((column) => valueOf(client, column, owner)))
  const names = columns.map(({ name }) => `"${name}"`).join(', ')
  const places = values.map((_, at) => `$${at + 1}`).join(', ')
  await client.query(`INSERT INTO "${schema}"."${table}" (${names}) VALUES (${places})`, values)
}

/**
 * Plants a canary in every sealed column of a tenant, in rows of its own where it has none, and leaves those that hold one.
 * @returns the columns that hold one then
 */
export const plantCanaries = async (databaseUrl: string, encryptionKey: string, owner: Owner): Promise<string[]> => {
  const box = createSecretBox(parseEncryptionKey(encryptionKey))
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const plant = async (schema: string, column: SecretColumn): Promise<string[]> => {
    const { tenantId } = owner
    const place = `"${schema}"."${column.table}"`
    const read = async () => {
      const sql = `SELECT id, "${column.column}" AS value FROM ${place} WHERE tenant_id = $1`
      return (await client.query<{ id: string; value: string | null }>(sql, [tenantId])).rows
    }
    const holds = ({ id: rowId, value }: { id: string; value: string | null }) => {
      try {
        return box.open(value ?? '', { column, tenantId, rowId }).includes(secretMark)
      } catch {
        return false
      }
    }
    if ((await read()).length === 0) await addRow(client, schema, column.table, owner)
    for (const row of (await read()).filter((each) => !holds(each))) {
      const canary = JSON.stringify({ canary: `${secretMark} of ${column.table}.${column.column}` })
      const sealed = box.seal(canary, { column, tenantId, rowId: row.id })
      await client.query(`UPDATE ${place} SET "${column.column}" = $1 WHERE id = $2`, [sealed, row.id])
    }
    return (await read()).some(holds) ? [`${schema}.${column.table}.${column.column}`] : []
  }
  try {
    const planted: string[] = []
    // One after the other: rows of one table refer to those of another.
    for (const [schema, columns] of Object.entries(secretColumns))
      for (const column of columns) planted.push(...(await plant(schema, column)))
    return planted
  } finally {
    await client.end()
  }
}
