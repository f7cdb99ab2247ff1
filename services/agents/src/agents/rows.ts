/** Rows of agents and their shares. */
import { event, newId, shareNext, type Cache, type ServiceDb } from '@clawmesh/chassis'
import type { Agent as AgentRow, PrismaClient } from '../db/client/client.ts'
import { DbNull, type InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import { renameInIdentityFiles } from '../context-files/rows.ts'
import { insertSummoning } from '../summoning/rows.ts'
import type { Agent, AgentChanges, AgentFields, HeldObject, Json } from './types.ts'
import type { AgentRows } from './use-cases.ts'

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** The columns have the names of the fields; what they hold is checked where it comes in. */
const toAgent = (row: AgentRow): Agent => row as AgentRow & Agent

type JsonName = { [K in keyof AgentFields]: Json extends AgentFields[K] ? K : never }[keyof AgentFields]
const clearableObjects = {
  sandboxConfig: DbNull,
  subagentsConfig: DbNull,
  memoryConfig: DbNull,
  compactionConfig: DbNull,
  contextPruning: DbNull,
} satisfies Record<Exclude<JsonName, HeldObject>, typeof DbNull>

type Columns<T> = {
  [K in keyof T]: K extends HeldObject ? InputJsonObject : K extends JsonName ? InputJsonObject | typeof DbNull : T[K]
}
/** Prisma wants its own word for a NULL in a JSON column. */
const toColumns = <T extends AgentChanges>(fields: T): Columns<T> => {
  const cleared = Object.entries(clearableObjects).filter(([name]) => fields[name as JsonName] === null)
  return { ...fields, ...Object.fromEntries(cleared) } as Columns<T>
}

/** Tenants known to have been seeded, so that reads do not ask each time. */
const seeded = new Set<string>()
const mostRemembered = 100_000

/**
 * `$1`: the tenant, `$2`: a user, null for all agents. Gives the agents that a list for them may have, in its order, and
 * which state of each the database has. `isOpen`: whatever channels open.
 */
const namedSql = `
  SELECT id, version, "isOpen" FROM (
    SELECT id, created_at, agent_type, xmin::text AS version, $2::text IS NULL OR owner_id = $2 OR is_default OR EXISTS (
      SELECT FROM agents.agent_shares s WHERE s.agent_id = a.id AND s.user_id = $2) AS "isOpen"
    FROM agents.agents a WHERE tenant_id = $1
  ) AS known
  WHERE "isOpen" OR agent_type = 'predefined'
  ORDER BY created_at DESC, id DESC`

interface Named {
  id: string
  version: string
  isOpen: boolean
}

/** `states` keeps agents by id and version: a list asks the database only for what has changed since the last one. */
export const createAgentRows = (
  db: ServiceDb<PrismaClient>,
  states: Cache<Agent>,
): ((tenantId: string) => AgentRows) => {
  const nameAgents = shareNext(
    ({ tenantId, userId }: { tenantId: string; userId: string | null }) => JSON.stringify([tenantId, userId]),
    async ({ tenantId, userId }) =>
      (await db.forTenant(tenantId).sql.prepared<Named>('name_agents', namedSql, [tenantId, userId])).rows,
  )

  return (tenantId) => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [
      { kind: 'agents', tenantId },
      { kind: 'context_files', tenantId },
    ] as const
    const conflict = (agentKey: string) => ({ kind: 'agent', id: agentKey })

    /** Gives a tenant its default agent the first time anyone looks. */
    const seed = async (): Promise<void> => {
      if (seeded.has(tenantId)) return
      await change(async (tx) => {
        const { count } = await tx.tenantSeed.createMany({ data: [{ tenantId }], skipDuplicates: true })
        if (count === 0) return { result: undefined }
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
        return { result: undefined }
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

    /** Agents in the states that were named, but for those that have gone since. */
    const agentsOf = async (named: readonly Named[]): Promise<Agent[]> => {
      const wanted = named.map(({ id, version }) => {
        const key = `${id} ${version}`
        return { id, key, kept: states.peek(tenantId, key) }
      })
      const missing = wanted.flatMap(({ id, kept }) => (kept === undefined ? [id] : []))
      const rows = missing.length === 0 ? [] : await prisma.agent.findMany({ where: { tenantId, id: { in: missing } } })
      const loaded = new Map(rows.map((row) => [row.id, toAgent(row)]))
      const found = await Promise.all(
        wanted.map(async ({ id, key, kept }) =>
          kept === undefined ? states.get(tenantId, key, async () => loaded.get(id)) : kept,
        ),
      )
      return found.filter((agent) => agent != null)
    }

    return {
      find: async (ref) => {
        const found = await find(ref)
        if (found !== undefined || ref !== 'default') return found
        await seed()
        return find(ref)
      },

      findDefault: async () => {
        const row = await prisma.agent.findFirst({ where: { tenantId, isDefault: true } })
        if (row !== null) return toAgent(row)
        await seed()
        return find('default')
      },

      list: async (user) => {
        await seed()
        const named = await nameAgents({ tenantId, userId: user?.id ?? null })
        const isAllOpen = named.every(({ isOpen }) => isOpen)
        const opened = new Set(isAllOpen ? [] : await user?.openedByChannels())
        return agentsOf(named.filter(({ id, isOpen }) => isOpen || opened.has(id)))
      },

      isSharedWith: async (agentId, userId) =>
        (await prisma.agentShare.count({ where: { tenantId, agentId, userId } })) > 0,

      insert: (agent, files, actor, summoned) => {
        const { id } = agent
        return change(
          async (tx) => {
            if (agent.isDefault)
              await tx.agent.updateMany({ where: { tenantId, isDefault: true }, data: { isDefault: false } })
            const row = await tx.agent.create({ data: toColumns(agent) })
            if (files.length > 0)
              await tx.contextFile.createMany({
                data: files.map(({ name, content }) => ({
                  tenantId,
                  agentId: id,
                  userId: '',
                  fileName: name,
                  content,
                })),
              })
            const summoningId = summoned
              ? await insertSummoning(tx, { tenantId, agentId: id, userId: agent.ownerId, prompt: null })
              : undefined
            return {
              result: { agent: toAgent(row), summoningId },
              events: [event('agentCreated', { id, ...actor })],
              evict,
            }
          },
          { conflict: conflict(agent.agentKey) },
        )
      },

      update: (id, actor, changesFor) => {
        let agentKey = ''
        return change(
          async (tx) => {
            await tx.$queryRaw`
              SELECT id FROM agents.agents WHERE id = ${id}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
            const row = await tx.agent.findFirst({ where: { id, tenantId } })
            if (row === null) return { result: false }
            const stored = toAgent(row)
            const changes = changesFor(stored)
            agentKey = changes.agentKey ?? stored.agentKey
            if (changes.isDefault === true)
              await tx.agent.updateMany({
                where: { tenantId, isDefault: true, id: { not: id } },
                data: { isDefault: false },
              })
            await tx.agent.updateMany({ where: { id, tenantId }, data: toColumns(changes) })
            const agent = { ...stored, ...changes }
            if (changes.displayName) await renameInIdentityFiles(tx, agent)
            const status = agent.status === stored.status ? {} : { status: agent.status, oldStatus: stored.status }
            return { result: true, events: [event('agentUpdated', { id, ...status, ...actor })], evict }
          },
          { conflict: () => conflict(agentKey) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          // First the agent: runs that begin meanwhile no longer see it, once this is done (docs/adr/0026).
          await tx.agent.deleteMany({ where: { id, tenantId } })
          await tx.session.deleteMany({ where: { agentId: id, tenantId } })
          return { result: undefined, events: [event('agentDeleted', { id, ...actor })], evict }
        }),
    }
  }
}
