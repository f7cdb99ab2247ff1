/** The rows of mcp_access_requests, and the grants that their approval makes. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { McpAccessRequest as RequestRow, PrismaClient } from '../../db/client/client.ts'
import { JsonNullValueInput } from '../../db/client/internal/prismaNamespace.ts'
import { serverNotFound } from '../servers/use-cases.ts'
import type { AccessRequest } from './types.ts'
import { requestNotFound, type RequestRows } from './use-cases.ts'

const toRequest = ({ tenantId: _tenantId, ...row }: RequestRow): AccessRequest => ({
  ...row,
  scope: row.scope as AccessRequest['scope'],
  status: row.status as AccessRequest['status'],
  toolAllow: row.toolAllow as string[] | null,
})

type Tx = Pick<PrismaClient, 'mcpAgentGrant' | 'mcpUserGrant'>

/** Lists that are denied stay as they are. */
const grant = async (tx: Tx, tenantId: string, grantedBy: string, request: AccessRequest): Promise<void> => {
  const { serverId, agentId, userId, scope } = request
  const given = { enabled: true, toolAllow: request.toolAllow ?? [], grantedBy }
  const base = { id: newId(), tenantId, serverId }
  if (scope === 'agent')
    await tx.mcpAgentGrant.upsert({
      where: { serverId_agentId: { serverId, agentId: agentId! }, tenantId },
      create: { ...base, agentId: agentId!, ...given },
      update: given,
    })
  else
    await tx.mcpUserGrant.upsert({
      where: { serverId_userId: { serverId, userId: userId! }, tenantId },
      create: { ...base, userId: userId!, ...given },
      update: given,
    })
}

export const createRequestRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): RequestRows => {
    const { prisma, change } = db.forTenant(tenantId)
    return {
      list: async (status) => {
        const rows = await prisma.mcpAccessRequest.findMany({
          where: { tenantId, status },
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        })
        return rows.map(toRequest)
      },

      insert: ({ toolAllow, ...request }, actor) =>
        change(async (tx) => {
          const { id, serverId } = request
          // A server of another tenant would satisfy the foreign key, so it is looked for in one's own.
          if ((await tx.mcpServer.count({ where: { id: serverId, tenantId } })) === 0) throw serverNotFound(serverId)
          const row = await tx.mcpAccessRequest.create({
            data: { ...request, tenantId, toolAllow: toolAllow ?? JsonNullValueInput.JsonNull },
          })
          return { result: toRequest(row), events: [event('mcpRequestCreated', { id, serverId, ...actor })] }
        }),

      decide: (id, { status, note, reviewedBy }, check, actor) =>
        change(async (tx) => {
          await tx.$queryRaw`
            SELECT id FROM tools.mcp_access_requests
            WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
          const row = await tx.mcpAccessRequest.findFirst({ where: { id, tenantId } })
          if (row === null) throw requestNotFound(id)
          const request = toRequest(row)
          check(request)
          await tx.mcpAccessRequest.update({
            where: { id, tenantId },
            data: { status, reviewNote: note, reviewedBy, reviewedAt: new Date() },
          })
          const { serverId } = request
          const events = [event('mcpRequestReviewed', { id, serverId, status, ...actor })]
          if (status === 'rejected') return { result: undefined, events }
          await grant(tx, tenantId, reviewedBy, request)
          return { result: undefined, events, evict: [{ kind: 'mcp', tenantId }] }
        }),
    }
  }
