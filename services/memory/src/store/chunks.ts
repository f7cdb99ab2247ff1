/** Chunks and who gives them their vectors. */
import type { Database } from '@clawmesh/chassis'
import type { DocumentKey, EmbeddingSpace, WaitingChunk } from '../domain/types.ts'
import { spaceLabel } from '../domain/types.ts'
import { toVector } from './vectors.ts'

/** How long claimed chunks are left to who claimed them. */
const claimMs = 120_000

export interface ListedChunk {
  id: string
  startLine: number
  endLine: number
  text: string
  hasEmbedding: boolean
}

export interface ChunkVector {
  id: string
  vector: readonly number[]
}

export const createChunkStore = (database: Database) => (tenantId: string) => {
  const { query } = database.forTenant(tenantId)
  return {
    list: async ({ agentId, userId, path }: DocumentKey): Promise<ListedChunk[]> => {
      const { rows } = await query<ListedChunk>(
        `SELECT c.id, start_line AS "startLine", end_line AS "endLine", text, embedding IS NOT NULL AS "hasEmbedding"
         FROM memory.chunks c JOIN memory.documents d ON d.id = c.document_id
         WHERE d.tenant_id = $1 AND d.agent_id = $2 AND d.user_id = $3 AND d.path = $4 AND c.tenant_id = $1
         ORDER BY start_line, part`,
        [tenantId, agentId, userId, path],
      )
      return rows
    },

    /** How many chunks a document has, and how many of them have a vector. */
    count: async (documentId: string): Promise<{ chunks: number; embedded: number }> => {
      const { rows } = await query<{ chunks: number; embedded: number }>(
        `SELECT count(*) AS chunks, count(dims) AS embedded FROM memory.chunks
         WHERE tenant_id = $1 AND document_id = $2`,
        [tenantId, documentId],
      )
      return rows[0]!
    },

    /** Takes chunks without a vector, the never tried ones first, and keeps others off them for a while. */
    claim: async (limit: number): Promise<WaitingChunk[]> => {
      const { rows } = await query<WaitingChunk>(
        `UPDATE memory.chunks SET embed_after = now() + $3 * interval '1 millisecond'
         WHERE tenant_id = $1 AND id IN (
           SELECT id FROM memory.chunks
           WHERE tenant_id = $1 AND embedding IS NULL AND (embed_after IS NULL OR embed_after <= now())
           ORDER BY embed_after NULLS FIRST, id LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING id, agent_id AS "agentId", hash, text`,
        [tenantId, limit, claimMs],
      )
      return rows
    },

    /** Gives chunks their vectors; chunks that are gone by now are passed over. */
    setVectors: async (space: EmbeddingSpace, vectors: readonly ChunkVector[]): Promise<void> => {
      await query(
        `UPDATE memory.chunks c SET embedding = v.embedding::vector, dims = $2, embedding_model = $3, embed_after = NULL
         FROM unnest($4::uuid[], $5::text[]) AS v (id, embedding)
         WHERE c.tenant_id = $1 AND c.id = v.id`,
        [tenantId, space.dims, spaceLabel(space), vectors.map(({ id }) => id), vectors.map((v) => toVector(v.vector))],
      )
    },

    /** Leaves chunks alone for a time. */
    putOff: async (ids: readonly string[], ms: number): Promise<void> => {
      await query(
        `UPDATE memory.chunks SET embed_after = now() + $3 * interval '1 millisecond'
         WHERE tenant_id = $1 AND id = ANY($2) AND embedding IS NULL`,
        [tenantId, ids, ms],
      )
    },
  }
}

/** Tenants that have chunks without a vector which may be tried now. */
export const tenantsWithWaitingChunks = async ({ system }: Database): Promise<string[]> => {
  const { rows } = await system.query<{ tenant_id: string }>(
    `SELECT DISTINCT tenant_id FROM memory.chunks
     WHERE embedding IS NULL AND (embed_after IS NULL OR embed_after <= now())`,
  )
  return rows.map((row) => row.tenant_id)
}
