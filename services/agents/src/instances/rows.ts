/** Rows of the users of agents. */
import { MeshError } from '@clawmesh/contracts'
import { event, type PrismaTx, type ServiceDb } from '@clawmesh/chassis'
import { storeContextFile } from '../context-files/store.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { Instance, UserFile } from './types.ts'
import type { InstanceRows } from './use-cases.ts'

/** What is known of a user must not grow by one change after the other. */
const mostMetadataBytes = 65_536

export const createInstanceRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): InstanceRows => {
    const { prisma, sql, change } = db.forTenant(tenantId)
    const missing = (id: string) => ({ missing: { kind: 'agent', id } })
    const know = (tx: PrismaTx<PrismaClient>, agentId: string, userId: string) =>
      tx.instance.createMany({ data: [{ tenantId, agentId, userId }], skipDuplicates: true })

    return {
      list: async (agentId) => {
        const { rows } = await sql.query<Instance>(
          `SELECT i.user_id AS "userId", i.first_seen_at AS "firstSeenAt", i.last_seen_at AS "lastSeenAt", i.metadata,
             (SELECT count(*) FROM agents.context_files f
              WHERE f.tenant_id = $1 AND f.agent_id = $2 AND f.user_id = i.user_id)::int AS "fileCount"
           FROM agents.instances i WHERE i.tenant_id = $1 AND i.agent_id = $2
           ORDER BY i.last_seen_at DESC, i.user_id`,
          [tenantId, agentId],
        )
        return rows
      },

      files: async (agentId, userId): Promise<UserFile[]> =>
        prisma.contextFile.findMany({
          where: { tenantId, agentId, userId },
          select: { agentId: true, userId: true, fileName: true, content: true },
          orderBy: { fileName: 'asc' },
        }),

      setFile: ({ agentId, userId, fileName, content }, actor) =>
        change(async (tx) => {
          await know(tx, agentId, userId)
          await storeContextFile(tx, { tenantId, agentId, userId, fileName, content })
          return {
            result: undefined,
            events: [event('agentInstanceFileSet', { id: agentId, userId, file: fileName, ...actor })],
            evict: [{ kind: 'context_files', tenantId }],
          }
        }, missing(agentId)),

      mergeMetadata: (agentId, userId, metadata, actor) =>
        change(async (tx) => {
          const rows = await tx.$queryRaw<{ bytes: number }[]>`
            UPDATE agents.instances SET metadata = metadata || ${JSON.stringify(metadata)}::jsonb
            WHERE tenant_id = ${tenantId}::uuid AND agent_id = ${agentId}::uuid AND user_id = ${userId}
            RETURNING octet_length(metadata::text) AS bytes`
          const [changed] = rows
          if (changed === undefined) return { result: undefined }
          if (changed.bytes > mostMetadataBytes)
            throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
              field: 'metadata',
              reason: `at most ${mostMetadataBytes} bytes, what is stored already included`,
            })
          return {
            result: undefined,
            events: [event('agentInstanceMetadataUpdated', { id: agentId, userId, ...actor })],
          }
        }),

      seen: async (agentId, userId) => {
        await sql.query(
          `INSERT INTO agents.instances (agent_id, user_id, tenant_id)
           SELECT id, $3, tenant_id FROM agents.agents WHERE tenant_id = $1 AND id = $2
           ON CONFLICT (agent_id, user_id) DO UPDATE SET last_seen_at = now()`,
          [tenantId, agentId, userId],
        )
      },
    }
  }
