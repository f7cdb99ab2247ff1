/** The two sides of a search over an agent's chunks. */
import { spaceLabel, type EmbeddingSpace, type Hit } from '../domain/types.ts'
import type { Database } from '@clawmesh/chassis'
import { indexType, toVector } from './vectors.ts'

export interface SearchScope {
  agentId: string
  /** Owners whose documents are searched; an empty one stands for the agent as a whole. */
  userIds: readonly string[]
  limit: number
}

export interface VectorQuery {
  space: EmbeddingSpace
  vector: readonly number[]
}

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

export const createSearchStore = (database: Database) => (tenantId: string) => {
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
    /** Chunks that hold all words of a query, by ts_rank. */
    text: async ({ agentId, userIds, limit }: SearchScope, query: string): Promise<Hit[]> => {
      const { rows } = await run<Hit>(
        `SELECT ${hitColumns}, ts_rank(tsv, q)::float8 AS score
           FROM memory.chunks, plainto_tsquery('simple', $4) q
           WHERE tenant_id = $1 AND agent_id = $2 AND user_id = ANY($3) AND tsv @@ q
           ORDER BY score DESC, id LIMIT $5`,
        [tenantId, agentId, userIds, query, limit],
      )
      return rows
    },

    /** Whether an agent has more chunks with vectors of a space than a number. */
    hasMoreThan: async (agentId: string, space: EmbeddingSpace, chunks: number): Promise<boolean> => {
      const { rows } = await run<{ count: number }>(
        `SELECT count(*) AS count FROM (
             SELECT 1 FROM memory.chunks WHERE tenant_id = $1 AND agent_id = $2 AND embedding_model = $3 AND dims = $4
             LIMIT $5
           ) AS counted`,
        [tenantId, agentId, spaceLabel(space), space.dims, chunks + 1],
      )
      return rows[0]!.count > chunks
    },

    /** The nearest chunks, each one compared. */
    nearest: async (scope: SearchScope, query: VectorQuery): Promise<Hit[]> => {
      const { rows } = await run<NearRow>(nearestSql('vector', query.space.dims), parameters(scope, query))
      return toHits(rows)
    },

    /**
     * The nearest chunks by way of the HNSW index of their width, which goes on looking until it has enough that
     * belong to the agent (pgvector 0.8, iterative scan). Undefined when this pgvector cannot.
     */
    nearestByIndex: async (scope: SearchScope, query: VectorQuery): Promise<Hit[] | undefined> => {
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
