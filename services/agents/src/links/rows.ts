/** Rows of the links between agents. */
import { event, newId, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { AgentLink } from './types.ts'
import type { LinkRows } from './use-cases.ts'

const withAgents = {
  source: { select: { agentKey: true } },
  target: { select: { agentKey: true, displayName: true, frontmatter: true } },
} as const

export const createLinkRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): LinkRows => {
    const { prisma, change } = db.forTenant(tenantId)

    type Row = Awaited<ReturnType<typeof read>>[number]
    const read = (where: object) =>
      prisma.agentLink.findMany({
        where: { ...where, tenantId },
        include: withAgents,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      })
    const toLink = ({ source, target, ...row }: Row): AgentLink => ({
      ...row,
      direction: row.direction as AgentLink['direction'],
      status: row.status as AgentLink['status'],
      settings: row.settings as AgentLink['settings'],
      sourceAgentKey: source.agentKey,
      targetAgentKey: target.agentKey,
      targetDisplayName: target.displayName,
      targetDescription: target.frontmatter ?? '',
    })
    const keysOf = ({ sourceAgentKey, targetAgentKey }: AgentLink) => ({ sourceAgentKey, targetAgentKey })

    return {
      list: async (agentId, side) => {
        const ends = [
          ...(side === 'to' ? [] : [{ sourceAgentId: agentId }]),
          ...(side === 'from' ? [] : [{ targetAgentId: agentId }]),
        ]
        return (await read({ OR: ends })).map(toLink)
      },

      find: async (id) => {
        const [row] = await read({ id })
        return row === undefined ? undefined : toLink(row)
      },

      insert: ({ source, target, createdBy, settings, ...link }, actor) =>
        change(
          async (tx) => {
            const row = await tx.agentLink.create({
              data: {
                ...link,
                id: newId(),
                tenantId,
                createdBy,
                settings: settings as InputJsonObject,
                sourceAgentId: source.id,
                targetAgentId: target.id,
              },
              include: withAgents,
            })
            const made = toLink(row)
            const { id, direction, status, sourceAgentId, targetAgentId } = made
            const fields = { id, direction, status, sourceAgentId, targetAgentId, ...keysOf(made) }
            return { result: made, events: [event('agentLinkCreated', { ...fields, ...actor })] }
          },
          { conflict: { kind: 'link', id: `${source.agentKey} → ${target.agentKey}` } },
        ),

      update: (link, { settings, ...changes }, actor) =>
        change(async (tx) => {
          const { id } = link
          const data = { ...changes, ...(settings === undefined ? {} : { settings: settings as InputJsonObject }) }
          const { count } = await tx.agentLink.updateMany({
            where: { id, tenantId },
            data: { ...data, updatedAt: new Date() },
          })
          if (count === 0) return { result: false }
          const { direction = link.direction, status = link.status } = changes
          const fields = { id, direction, status, changes: Object.keys(data), ...keysOf(link) }
          return { result: true, events: [event('agentLinkUpdated', { ...fields, ...actor })] }
        }),

      remove: (link, actor) =>
        change(async (tx) => {
          const { id } = link
          const { count } = await tx.agentLink.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: false }
          return { result: true, events: [event('agentLinkDeleted', { id, ...keysOf(link), ...actor })] }
        }),
    }
  }
