/** The two sides of a search over an agent's chunks. */
import type { Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import { indexType, toVector } from '../embeddings/vectors.ts'
import type { Hit } from './types.ts'
import type { SearchRows, SearchScope, VectorQuery } from './use-cases.ts'

type NearRow = Hit & { distance: number }

const hitColumns = `path, start_line AS "startLine", end_line AS "endLine", part, text, user_id AS "userId"`

/** SQLSTATEs of a setting that this pgvector does not know. */
const unknownSetting = new Set(['42704', '22023', '42602'])

/**
 * The rows nearest to a query, by a type that an index is over or that none is. The width stands in the text, so that the
 * planner sees the index's condition fulfilled.
 */
const nearestSql = (type: string, dims: number) => `
  SELECT near.*, 1 - distance AS score FROM (
    SELECT ${hitColumns}, embedding::${type} <=> $6::${type} AS distance FROM memory.chunks
    WHERE tenant_id = $1 AND agent_id = $2 AND user_id = ANY($3) AND embedding_model = $4 AND dims = ${Math.trunc(dims)}
    ORDER BY distance LIMIT $5
  ) AS near`

export const createSearchRows =
  (database: Database) =>
  (tenantId: string): SearchRows => {
    const { query: run, transaction } = database.forTenant(tenantId)
    const parameters = ({ agentId, userIds, limit }: SearchScope, { space, vector }: VectorQuery) => [
      tenantId,
      agentId,
      userIds,
      spaceLabel(space),
      limit,
      toVector(vector),
    ]
    const toHits = (rows: NearRow[]): Hit[] => rows.map(({ distance: _, ...hit }) => hit)

    return {
      text: async ({ agentId, userIds, limit }, query) => {
        const { rows } = await run<Hit>(
          `SELECT ${hitColumns}, ts_rank(tsv, q)::float8 AS score
           FROM memory.chunks, plainto_tsquery('simple', $4) q
           WHERE tenant_id = $1 AND agent_id = $2 AND user_id = ANY($3) AND tsv @@ q
           ORDER BY score DESC, id LIMIT $5`,
          [tenantId, agentId, userIds, query, limit],
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

      nearest: async (scope, query) => {
        const { rows } = await run<NearRow>(nearestSql('vector', query.space.dims), parameters(scope, query))
        return toHits(rows)
      },

      nearestByIndex: async (scope, query) => {
        const { dims } = query.space
        const sql = nearestSql(indexType(dims).type, dims)
        try {
          return await transaction(async (client) => {
            await client.query('SET LOCAL hnsw.iterative_scan = strict_order')
            return toHits((await client.query<NearRow>(sql, parameters(scope, query))).rows)
          })
        } catch (thrown) {
          if (unknownSetting.has(String((thrown as { code?: unknown }).code))) return undefined
          throw thrown
        }
      },
    }
  }
