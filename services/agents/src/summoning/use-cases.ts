import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { descriptionOf } from '../agents/description.ts'
import type { Agent } from '../agents/types.ts'

/** The summonings of the agents of one tenant. */
export interface SummoningRows {
  /** Makes an agent `summoning`. @returns the id @throws NOT_FOUND, ALREADY_EXISTS while it is being summoned */
  begin: (agentId: string, summoning: { prompt: string | null; userId: string }, actor: Actor) => Promise<string>
  /** Ends what is on and makes the agent active; one that is not being summoned stays as it is. @returns its status */
  cancel: (agentId: string, actor: Actor) => Promise<Agent['status']>
}

/** Has the work begun, by this replica or another. */
export type StartSummoning = (tenantId: string, agentId: string, summoningId: string) => Promise<void>

interface Parts {
  rowsOf: (tenantId: string) => SummoningRows
  start: StartSummoning
  /** @throws NOT_FOUND, FORBIDDEN */
  requireOwned: (caller: Caller, ref: string) => Promise<Agent>
}

export const createSummoningUseCases = ({ rowsOf, start, requireOwned }: Parts) => {
  const begin = async (call: Call, { id }: Agent, prompt: string | null): Promise<void> => {
    const { tenantId, userId } = call.caller
    const summoningId = await rowsOf(tenantId).begin(id, { prompt, userId }, actorOf(call))
    await start(tenantId, id, summoningId)
  }

  return {
    /** Has the files of an agent changed as a prompt says. @throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS */
    regenerate: async (call: Call, ref: string, prompt: string): Promise<void> =>
      begin(call, await requireOwned(call.caller, ref), prompt),

    /** Has the files of an agent written from its description. @throws as `regenerate`, INVALID_REQUEST without one */
    resummon: async (call: Call, ref: string): Promise<void> => {
      const agent = await requireOwned(call.caller, ref)
      if (descriptionOf(agent) === '')
        throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'other_config.description' })
      await begin(call, agent, null)
    },

    /** Ends what is on. @returns the status that the agent has now @throws NOT_FOUND, FORBIDDEN */
    cancel: async (call: Call, ref: string): Promise<Agent['status']> => {
      const { id } = await requireOwned(call.caller, ref)
      return rowsOf(call.caller.tenantId).cancel(id, actorOf(call))
    },
  }
}

export type SummoningUseCases = ReturnType<typeof createSummoningUseCases>
