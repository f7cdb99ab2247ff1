/** An agent's chunks as a search reads them. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { indexType } from '../embeddings/vectors.ts'
import { createHybridRows, nearestParameters, nearestSql } from '../hybrid/rows.ts'
import type { Hit } from './types.ts'
import type { SearchRows } from './use-cases.ts'

/** SQLSTATEs of a setting that this pgvector does not know. */
const unknownSetting = new Set(['42704', '22023', '42602'])

export const createSearchRows = (database: Database) => {
  const hybridOf = createHybridRows(database, 'memory.chunks')
  return (tenantId: string): SearchRows => {
    const { query: run, transaction } = database.forTenant(tenantId)
    return {
      ...hybridOf(tenantId),

      load: async (ids) => {
        const { rows } = await run<Omit<Hit, 'score'>>(
          `SELECT id, path, start_line AS "startLine", end_line AS "endLine", part, text, user_id AS "userId"
           FROM memory.chunks WHERE tenant_id = $1 AND id = ANY($2)`,
          [tenantId, ids],
        )
        return rows
      },

      hasMoreThan: async (agentId, space, chunks) => {
        const { rows } = await run<{ count: number }>(
          `SELECT count(*) AS count FROM (
             SELECT 1 FROM memory.chunks WHERE tenant_id = $1 AND agent_id = $2 AND embedding_model = $3 AND dims = $4
             LIMIT $5
           ) AS counted`,
          [tenantId, agentId, spaceLabel(space), space.dims, chunks + 1],
        )
        return rows[0]!.count > chunks
      },

      nearestByIndex: async (scope, query) => {
        const { dims } = query.space
        const sql = nearestSql('memory.chunks', indexType(dims).type, dims)
        try {
          return await transaction(async (client) => {
            await client.query('SET LOCAL hnsw.iterative_scan = strict_order')
            const parameters = nearestParameters(tenantId, scope, query)
            return (await client.query<{ id: string; cosine: number }>(sql, parameters)).rows
          })
        } catch (thrown) {
          if (unknownSetting.has(String((thrown as { code?: unknown }).code))) return undefined
          throw thrown
        }
      },
    }
  }
}
