/** Chunks and who gives them their vectors. Writing them is part of writing their document. */
import { cutText, type Database } from '@clawmesh/chassis'
import { spaceLabel } from '../embeddings/types.ts'
import type { WaitingChunkRows } from '../embeddings/use-cases.ts'
import { toVector } from '../embeddings/vectors.ts'
import type { WaitingChunk } from './types.ts'
import type { ChunkRows } from './use-cases.ts'

/** How long claimed chunks are left to who claimed them. */
const claimMs = 120_000
/** The longest pause before a text is tried again, milliseconds: seven days. */
const longestPauseMs = 7 * 24 * 3_600_000
/** The pause grows by this factor each time. */
const pauseGrowth = 4
const longestReason = 300

export const createChunkRows =
  ({ forTenant }: Database) =>
  (tenantId: string): ChunkRows => ({
    list: async ({ agentId, userId, path }) => {
      const { rows } = await forTenant(tenantId).query<Awaited<ReturnType<ChunkRows['list']>>[number]>(
        `SELECT c.id, start_line AS "startLine", end_line AS "endLine", text, embedding IS NOT NULL AS "hasEmbedding",
           coalesce(embed_error, '') AS "embedError"
         FROM memory.chunks c JOIN memory.documents d ON d.id = c.document_id
         WHERE d.tenant_id = $1 AND d.agent_id = $2 AND d.user_id = $3 AND d.path = $4 AND c.tenant_id = $1
         ORDER BY start_line, part`,
        [tenantId, agentId, userId, path],
      )
      return rows
    },
  })

export const createWaitingChunkRows =
  ({ forTenant }: Database) =>
  (tenantId: string): WaitingChunkRows => {
    const { query } = forTenant(tenantId)
    return {
      claim: async (limit) => {
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

      setVectors: async (space, vectors) => {
        await query(
          `UPDATE memory.chunks c
           SET embedding = v.embedding::vector, dims = $2, embedding_model = $3, embed_after = NULL, embed_failures = 0,
             embed_error = NULL
           FROM unnest($4::uuid[], $5::text[]) AS v (id, embedding)
           WHERE c.tenant_id = $1 AND c.id = v.id`,
          [
            tenantId,
            space.dims,
            spaceLabel(space),
            vectors.map(({ id }) => id),
            vectors.map(({ vector }) => toVector(vector)),
          ],
        )
      },

      putOffFailed: async (ids, reason, baseMs) => {
        await query(
          `UPDATE memory.chunks SET
             embed_after = now() + least($3 * power($4::float, least(embed_failures, 30)), $5) * interval '1 millisecond',
             embed_failures = embed_failures + 1, embed_error = $6
           WHERE tenant_id = $1 AND id = ANY($2) AND embedding IS NULL`,
          [
            tenantId,
            ids,
            baseMs,
            pauseGrowth,
            longestPauseMs,
            cutText(reason, longestReason).replaceAll('\0', '').toWellFormed() || 'failed',
          ],
        )
      },

      putOff: async (ids, ms) => {
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
