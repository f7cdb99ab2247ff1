/** Rows that wait for their vectors, and who gives them those. */
import { cutText, type Database } from '@clawmesh/chassis'
import type { WaitingChunk } from '../chunks/types.ts'
import { spaceLabel } from './types.ts'
import type { WaitingChunkRows } from './use-cases.ts'
import { toVector } from './vectors.ts'

/** How long claimed rows are left to who claimed them. */
const claimMs = 120_000
/** The longest pause before a text is tried again, milliseconds: seven days. */
const longestPauseMs = 7 * 24 * 3_600_000
/** The pause grows by this factor each time. */
const pauseGrowth = 4
const longestReason = 300

/** A table whose rows have vectors of a text, both as SQL. */
export interface Embeddable {
  table: string
  text: string
  /** Of the text, as `contentHash` makes it. */
  hash: string
}

export const chunkVectors: Embeddable = { table: 'memory.chunks', text: 'text', hash: 'hash' }

export const createWaitingRows =
  ({ forTenant }: Database, { table, text, hash }: Embeddable) =>
  (tenantId: string): WaitingChunkRows => {
    const { query } = forTenant(tenantId)
    return {
      claim: async (limit) => {
        const { rows } = await query<WaitingChunk>(
          `UPDATE ${table} SET embed_after = now() + $3 * interval '1 millisecond'
           WHERE tenant_id = $1 AND id IN (
             SELECT id FROM ${table}
             WHERE tenant_id = $1 AND embedding IS NULL AND (embed_after IS NULL OR embed_after <= now())
             ORDER BY embed_after NULLS FIRST, id LIMIT $2 FOR UPDATE SKIP LOCKED
           ) RETURNING id, agent_id AS "agentId", ${hash} AS hash, ${text} AS text`,
          [tenantId, limit, claimMs],
        )
        return rows
      },

      setVectors: async (space, vectors) => {
        await query(
          `UPDATE ${table} c
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
          `UPDATE ${table} SET
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
          `UPDATE ${table} SET embed_after = now() + $3 * interval '1 millisecond'
           WHERE tenant_id = $1 AND id = ANY($2) AND embedding IS NULL`,
          [tenantId, ids, ms],
        )
      },
    }
  }

/** Tenants that have rows without a vector which may be tried now. */
export const tenantsWithWaiting = async ({ system }: Database, { table }: Embeddable): Promise<string[]> => {
  const { rows } = await system.query<{ tenant_id: string }>(
    `SELECT DISTINCT tenant_id FROM ${table}
     WHERE embedding IS NULL AND (embed_after IS NULL OR embed_after <= now())`,
  )
  return rows.map((row) => row.tenant_id)
}
