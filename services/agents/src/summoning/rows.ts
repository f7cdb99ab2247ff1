/** Rows of agents that are being summoned. */
import { MeshError } from '@clawmesh/contracts'
import { event, newId, type ChangeEvent, type PrismaTx, type ServiceDb } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { agentNotFound } from '../agents/owned.ts'
import { storeContextFile } from '../context-files/store.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { summonedFiles } from './answer.ts'
import type { SummonWorkRows } from './summon.ts'
import type { SummoningRows } from './use-cases.ts'

/** Notes that an agent is being summoned; it must not be already. Gives the id of the summoning. */
export const insertSummoning = async (
  tx: PrismaTx<PrismaClient>,
  { tenantId, agentId, userId, prompt }: { tenantId: string; agentId: string; userId: string; prompt: string | null },
): Promise<string> => {
  const id = newId()
  await tx.summoning.create({ data: { agentId, tenantId, id, prompt, userId } })
  return id
}

export const createSummoningRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): SummoningRows & SummonWorkRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const evict = [
      { kind: 'agents', tenantId },
      { kind: 'context_files', tenantId },
    ] as const

    /** Before anything of its summoning, as a delete takes them in this order too; undefined when the agent is gone. */
    const findLocked = async (tx: PrismaTx<PrismaClient>, agentId: string): Promise<Agent | undefined> => {
      await tx.$queryRaw`
        SELECT id FROM agents.agents WHERE id = ${agentId}::uuid AND tenant_id = ${tenantId}::uuid FOR UPDATE`
      const row = await tx.agent.findFirst({ where: { id: agentId, tenantId } })
      return row === null ? undefined : (row as typeof row & Agent)
    }
    const lockAgent = async (tx: PrismaTx<PrismaClient>, agentId: string): Promise<Agent> => {
      const agent = await findLocked(tx, agentId)
      if (agent === undefined) throw agentNotFound(agentId)
      return agent
    }
    const setStatus = (tx: PrismaTx<PrismaClient>, id: string, status: Agent['status'], data: object = {}) =>
      tx.agent.updateMany({ where: { id, tenantId }, data: { ...data, status } })

    /** Ends a summoning if it is still on; `work` says what that means. False when it is not. */
    const end = (
      agentId: string,
      id: string,
      work: (tx: PrismaTx<PrismaClient>, agent: Agent) => Promise<ChangeEvent[]>,
    ): Promise<boolean> =>
      change(async (tx) => {
        const agent = await findLocked(tx, agentId)
        if (agent === undefined) return { result: false }
        const { count } = await tx.summoning.deleteMany({ where: { agentId, id, tenantId } })
        if (count === 0) return { result: false }
        return { result: true, events: await work(tx, agent), evict }
      })
    const step = (agentId: string, { ownerId: userId }: Pick<Agent, 'ownerId'>, said: object): ChangeEvent =>
      event('agentSummoning', { id: agentId, userId, ...said } as never)

    return {
      begin: (agentId, { prompt, userId }, actor) =>
        change(async (tx) => {
          const { agentKey } = await lockAgent(tx, agentId)
          if ((await tx.summoning.count({ where: { agentId, tenantId } })) > 0)
            throw new MeshError('ALREADY_EXISTS', 'error.agent_is_summoned', { id: agentKey })
          const result = await insertSummoning(tx, { tenantId, agentId, userId, prompt })
          await setStatus(tx, agentId, 'summoning')
          const name = prompt === null ? 'agentResummoned' : 'agentRegenerated'
          return { result, events: [event(name, { id: agentId, ...actor })], evict }
        }),

      cancel: (agentId, actor) =>
        change(async (tx) => {
          const agent = await lockAgent(tx, agentId)
          const { count } = await tx.summoning.deleteMany({ where: { agentId, tenantId } })
          if (count === 0 && agent.status !== 'summoning') return { result: agent.status }
          await setStatus(tx, agentId, 'active')
          const events = [
            event('agentSummonCancelled', { id: agentId, ...actor }),
            step(agentId, agent, { type: 'failed', error: 'cancelled' }),
          ]
          return { result: 'active' as const, events, evict }
        }),

      find: async (agentId, id) => {
        const row = await prisma.summoning.findFirst({
          where: { agentId, id, tenantId },
          include: { agent: { include: { contextFiles: { where: { userId: '' } } } } },
        })
        if (row === null) return undefined
        const { contextFiles, ...agent } = row.agent
        const files = summonedFiles.flatMap((name) => {
          const file = contextFiles.find(({ fileName }) => fileName === name)
          return file === undefined ? [] : [[name, file.content] as const]
        })
        const { prompt, userId } = row
        return { id, prompt, userId, agent: agent as typeof agent & Agent, files: Object.fromEntries(files) }
      },

      isOn: async (agentId, id) => (await prisma.summoning.count({ where: { agentId, id, tenantId } })) > 0,

      tellStarted: ({ id, ownerId }) =>
        change(async () => ({ result: undefined, events: [step(id, { ownerId }, { type: 'started' })] })),

      complete: (agentId, id, { files, ...fields }) =>
        end(agentId, id, async (tx, agent) => {
          for (const [fileName, content] of Object.entries(files))
            await storeContextFile(tx, { tenantId, agentId, userId: '', fileName, content })
          await setStatus(tx, agentId, 'active', fields)
          return [
            ...Object.keys(files).map((file) => step(agentId, agent, { type: 'file_generated', file })),
            step(agentId, agent, { type: 'completed' }),
          ]
        }),

      fail: (agentId, id, error) =>
        end(agentId, id, async (tx, agent) => {
          await setStatus(tx, agentId, 'summon_failed')
          return [step(agentId, agent, { type: 'failed', error })]
        }),
    }
  }

/** Every summoning that is on, whatever tenant it is of. */
export const createOpenSummonings =
  (db: ServiceDb<PrismaClient>) => (): Promise<{ tenantId: string; agentId: string; id: string }[]> =>
    db.system.prisma.summoning.findMany({ select: { tenantId: true, agentId: true, id: true } })
