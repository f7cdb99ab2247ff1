/** Chunks as they can be looked at. Writing them is part of writing their document. */
import type { Database } from '@clawmesh/chassis'
import type { ChunkRows } from './use-cases.ts'

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
