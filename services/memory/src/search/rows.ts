/** An agent's chunks as a search reads them. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { indexType, toVector, vectorIndexName } from '../embeddings/vectors.ts'
import { createHybridRows, nearestSql } from '../hybrid/rows.ts'
import type { FoundChunk } from './types.ts'
import type { SearchRows } from './use-cases.ts'

/**
 * What the index keeps in view at a time (hnsw.ef_search, 40 by default, 1000 at most): the more, the less is missed, the longer it takes.
 */
const candidates = 1_000
const columns =
  'c.id, c.path, c.start_line AS "startLine", c.end_line AS "endLine", c.part, c.text, c.user_id AS "userId"'

/** More chunks of one scope are many, whatever their number. */
const mostCounted = 100_000

/** SQLSTATEs of a setting that this pgvector does not know. */
const unknownSetting = new Set(['42704', '22023', '42602'])

export const createSearchRows = (database: Database) => {
  const hybridOf = createHybridRows<FoundChunk>(database, 'memory.chunks', columns)
  return (tenantId: string): SearchRows => {
    const { query: run, transaction } = database.forTenant(tenantId)
    return {
      ...hybridOf(tenantId),

      sizes: async ({ agentId, userIds }, space) => {
        // What the index holds is known as of its making or the last vacuum; before, it is the scope that makes it grow.
        const { rows } = await run<{ own: number; all: number }>(
          `SELECT own.count AS own, greatest(own.count, indexed.count) AS all
           FROM (
             SELECT count(*)::int AS count FROM (
               SELECT 1 FROM memory.chunks WHERE tenant_id = $1 AND agent_id = $2 AND user_id = ANY($3)
                 AND embedding_model = $4 AND dims = $5
               LIMIT ${mostCounted}
             ) AS counted
           ) AS own,
           (SELECT coalesce(max(reltuples), 0)::int AS count FROM pg_class WHERE oid = to_regclass($6)) AS indexed`,
          [tenantId, agentId, userIds, spaceLabel(space), space.dims, `memory.${vectorIndexName(space.dims)}`],
        )
        return rows[0]!
      },

      nearestByIndex: async ({ agentId, userIds, limit }, { space, vector }) => {
        const parameters = [tenantId, agentId, userIds ?? null, spaceLabel(space), limit, toVector(vector)]
        try {
          return await transaction(async (client) => {
            await client.query('SET LOCAL hnsw.iterative_scan = strict_order')
            await client.query(`SET LOCAL hnsw.ef_search = ${candidates}`)
            const { rows } = await client.query<{ id: string }>(
              nearestSql(indexType(space.dims).type, space.dims),
              parameters,
            )
            return rows.map(({ id }) => id)
          })
        } catch (thrown) {
          if (unknownSetting.has(String((thrown as { code?: unknown }).code))) return undefined
          throw thrown
        }
      },
    }
  }
}
