/** Rows of agents, their shares and context files. */
import { MeshError } from '@clawmesh/contracts'
import { evict, isUniqueViolation, newId, outboxRow, type Actor, type Bus } from '@clawmesh/chassis'
import type { Agent, Json } from '../domain/types.ts'
import type { AgentChanges } from '../domain/agent-input.ts'
import type { Agent as AgentRow, PrismaClient } from './client/client.ts'
import { DbNull, type InputJsonObject, type TransactionClient } from './client/internal/prismaNamespace.ts'

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const nullableJson = ['sandboxConfig', 'subagentsConfig', 'memoryConfig', 'compactionConfig', 'contextPruning'] as const

const toAgent = (row: AgentRow): Agent => ({
  ...row,
  agentType: row.agentType as Agent['agentType'],
  status: row.status as Agent['status'],
  toolsConfig: row.toolsConfig as Json,
  otherConfig: row.otherConfig as Json,
  sandboxConfig: row.sandboxConfig as Json | null,
  subagentsConfig: row.subagentsConfig as Json | null,
  memoryConfig: row.memoryConfig as Json | null,
  compactionConfig: row.compactionConfig as Json | null,
  contextPruning: row.contextPruning as Json | null,
})

/** Prisma wants its own word for a NULL in a JSON column. */
const jsonColumns = (changes: AgentChanges) => ({
  ...(changes.toolsConfig === undefined ? {} : { toolsConfig: changes.toolsConfig as InputJsonObject }),
  ...(changes.otherConfig === undefined ? {} : { otherConfig: changes.otherConfig as InputJsonObject }),
  ...Object.fromEntries(
    nullableJson
      .filter((column) => changes[column] !== undefined)
      .map((column) => [column, (changes[column] as InputJsonObject | null) ?? DbNull]),
  ),
})

const jsonNames: ReadonlySet<string> = new Set(['toolsConfig', 'otherConfig', ...nullableJson])
type PlainColumns<T extends AgentChanges> = Omit<T, 'toolsConfig' | 'otherConfig' | (typeof nullableJson)[number]>
const plainColumns = <T extends AgentChanges>(changes: T): PlainColumns<T> =>
  Object.fromEntries(Object.entries(changes).filter(([name]) => !jsonNames.has(name))) as PlainColumns<T>

export interface AgentRowsParts {
  prisma: PrismaClient
  bus: Bus
  published: () => void
}

/** Tenants known to have been seeded, so that reads do not ask each time. */
const seeded = new Set<string>()
const mostRemembered = 100_000

/** The agents of one tenant. */
export const createAgentRows = ({ prisma, bus, published }: AgentRowsParts, tenantId: string) => {
  const evictAgents = () => {
    evict(bus, { kind: 'agents', tenantId })
    evict(bus, { kind: 'context_files', tenantId })
  }
  const unsetDefault = (tx: TransactionClient, exceptId: string) =>
    tx.agent.updateMany({ where: { tenantId, isDefault: true, id: { not: exceptId } }, data: { isDefault: false } })
  const taken = (thrown: unknown, agentKey: string | undefined) =>
    isUniqueViolation(thrown)
      ? new MeshError(
          'ALREADY_EXISTS',
          'error.already_exists',
          { kind: 'agent', id: agentKey ?? '' },
          { cause: thrown },
        )
      : thrown

  /** Gives a tenant its default agent the first time anyone looks. */
  const seed = async (): Promise<void> => {
    if (seeded.has(tenantId)) return
    await prisma.$transaction(async (tx) => {
      const { count } = await tx.tenantSeed.createMany({ data: [{ tenantId }], skipDuplicates: true })
      if (count === 0) return
      await tx.agent.createMany({
        data: [
          {
            id: newId(),
            tenantId,
            agentKey: 'default',
            displayName: 'Default',
            ownerId: 'system',
            contextWindow: 200_000,
            maxToolIterations: 30,
            workspace: '',
            agentType: 'open',
            isDefault: (await tx.agent.count({ where: { tenantId, isDefault: true } })) === 0,
            status: 'active',
          },
        ],
        skipDuplicates: true,
      })
    })
    if (seeded.size >= mostRemembered) seeded.clear()
    seeded.add(tenantId)
  }

  const find = async (ref: string): Promise<Agent | undefined> => {
    const row = await prisma.agent.findFirst({
      where: uuidPattern.test(ref) ? { id: ref, tenantId } : { agentKey: ref, tenantId },
    })
    return row === null ? undefined : toAgent(row)
  }

  return {
    /** An agent by id or key. */
    find: async (ref: string): Promise<Agent | undefined> => {
      const found = await find(ref)
      if (found !== undefined || ref !== 'default') return found
      await seed()
      return find(ref)
    },

    /** The agent marked as default, else the one called `default`. */
    findDefault: async (): Promise<Agent | undefined> => {
      const row = await prisma.agent.findFirst({ where: { tenantId, isDefault: true } })
      if (row !== null) return toAgent(row)
      await seed()
      return find('default')
    },

    list: async (): Promise<Agent[]> => {
      await seed()
      return (await prisma.agent.findMany({ where: { tenantId }, orderBy: { createdAt: 'desc' } })).map(toAgent)
    },

    /**
     * What a user may use: own, default and shared agents, and predefined ones that a channel opens. Channels are asked
     * only when there are predefined agents that nothing else opens.
     */
    listFor: async (userId: string, openedByChannels: () => Promise<readonly string[]>): Promise<Agent[]> => {
      await seed()
      const rows = await prisma.agent.findMany({
        where: {
          tenantId,
          OR: [{ ownerId: userId }, { isDefault: true }, { shares: { some: { userId } } }, { agentType: 'predefined' }],
        },
        include: { shares: { where: { userId }, select: { id: true } } },
        orderBy: { createdAt: 'desc' },
      })
      const isOpen = (row: (typeof rows)[number]) => row.ownerId === userId || row.isDefault || row.shares.length > 0
      const opened = new Set(rows.every(isOpen) ? [] : await openedByChannels())
      return rows.filter((row) => isOpen(row) || opened.has(row.id)).map(({ shares: _, ...row }) => toAgent(row))
    },

    isSharedWith: async (agentId: string, userId: string): Promise<boolean> =>
      (await prisma.agentShare.count({ where: { tenantId, agentId, userId } })) > 0,

    insert: async (
      agent: Omit<Agent, 'createdAt' | 'updatedAt'>,
      files: readonly { name: string; content: string }[],
      actor: Actor,
    ): Promise<Agent> => {
      try {
        const { id, ownerId } = agent
        const row = await prisma.$transaction(async (tx) => {
          if (agent.isDefault) await unsetDefault(tx, id)
          const created = await tx.agent.create({
            data: {
              ...plainColumns(agent),
              ...jsonColumns(agent),
              id,
              ownerId,
              tenantId,
            },
          })
          if (files.length > 0)
            await tx.contextFile.createMany({
              data: files.map(({ name, content }) => ({ tenantId, agentId: id, userId: '', fileName: name, content })),
            })
          await tx.outbox.create({ data: outboxRow('agentCreated', tenantId, { id, ...actor }) })
          return created
        })
        published()
        evictAgents()
        return toAgent(row)
      } catch (thrown) {
        throw taken(thrown, agent.agentKey)
      }
    },

    update: async (agent: Agent, changes: AgentChanges, actor: Actor): Promise<void> => {
      try {
        await prisma.$transaction(async (tx) => {
          if (changes.isDefault === true) await unsetDefault(tx, agent.id)
          const { count } = await tx.agent.updateMany({
            where: { id: agent.id, tenantId },
            data: { ...plainColumns(changes), ...jsonColumns(changes), updatedAt: new Date() },
          })
          if (count === 0) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agent.id })
          await tx.outbox.create({ data: outboxRow('agentUpdated', tenantId, { id: agent.id, ...actor }) })
        })
      } catch (thrown) {
        throw taken(thrown, changes.agentKey)
      }
      published()
      evictAgents()
    },

    remove: async (agent: Agent, actor: Actor): Promise<void> => {
      await prisma.$transaction(async (tx) => {
        await tx.agent.deleteMany({ where: { id: agent.id, tenantId } })
        await tx.outbox.create({ data: outboxRow('agentDeleted', tenantId, { id: agent.id, ...actor }) })
      })
      published()
      evictAgents()
    },

    /** Context files of an agent: agent-level ones, and one user's on top. */
    contextFiles: async (
      agentId: string,
      userId: string,
    ): Promise<{ userId: string; name: string; content: string }[]> =>
      (
        await prisma.contextFile.findMany({
          where: { tenantId, agentId, userId: { in: userId === '' ? [''] : ['', userId] } },
          orderBy: { userId: 'asc' },
        })
      ).map((row) => ({ userId: row.userId, name: row.fileName, content: row.content })),

    /** Writes a context file; an empty text deletes it. */
    setContextFile: async (agentId: string, userId: string, fileName: string, content: string): Promise<void> => {
      if (content === '') await prisma.contextFile.deleteMany({ where: { tenantId, agentId, userId, fileName } })
      else
        await prisma.contextFile.upsert({
          where: { agentId_userId_fileName: { agentId, userId, fileName } },
          create: { tenantId, agentId, userId, fileName, content },
          update: { content },
        })
      evictAgents()
    },
  }
}
