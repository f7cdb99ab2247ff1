/** HNSW indexes, one for each width of vectors that has grown large. A search is right without them, only slower. */
import type { Database, Session } from '@clawmesh/chassis'
import { indexType, vectorIndexName } from '../embeddings/vectors.ts'

type Pool = Database['pool']

interface IndexState {
  valid: boolean
  building: boolean
}

/** Runs work on a connection of its own; when it is no longer wanted the connection is dropped and the server goes on. */
const whileWanted = async (
  pool: Pool,
  signal: AbortSignal,
  work: (client: Pick<Session, 'query'>) => Promise<void>,
): Promise<void> => {
  const client = await pool.connect()
  let done = false
  const leave = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('no longer wanted')), { once: true }),
  )
  try {
    signal.throwIfAborted()
    await Promise.race([work(client), leave])
    done = true
  } finally {
    client.release(!done)
  }
}

/**
 * Creates the index over all vectors of a width, unless it exists or somebody is at it. Writing goes on meanwhile; what a
 * crash left half-built is built again. No transaction can hold this, so the login does it, which must own the table.
 */
export const createVectorIndex = ({ pool }: Database, dims: number, signal: AbortSignal): Promise<void> =>
  whileWanted(pool, signal, async (client) => {
    const { type, operators } = indexType(dims)
    const name = vectorIndexName(dims)
    const { rows } = await client.query<IndexState>(
      `SELECT i.indisvalid AS valid, p.pid IS NOT NULL AS building
       FROM pg_index i LEFT JOIN pg_stat_progress_create_index p ON p.index_relid = i.indexrelid
       WHERE i.indexrelid = to_regclass($1)`,
      [`memory.${name}`],
    )
    const state = rows[0]
    if (state?.valid || state?.building) return
    if (state !== undefined) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS memory.${name}`)
    await client.query(
      `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON memory.chunks
       USING hnsw ((embedding::${type}) ${operators}) WHERE dims = ${dims}`,
    )
    // The planner takes the index only when it knows how many rows are whose.
    await client.query('ANALYZE memory.chunks (tenant_id, agent_id, user_id, embedding_model, dims)')
  })

/** Whether the database is the embedded one, where building an index stops everything else (30 s for 6000 x 1536). */
export const isEmbeddedDatabase = async ({ system }: Database): Promise<boolean> => {
  const { rows } = await system.query<{ version: string }>('SELECT version() AS version')
  return rows[0]!.version.includes('PGlite')
}
