/** What an agent is and whether it works, over a WebSocket. */
import { agentOfKey, ws, type Caller } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { RunningRuns } from '../runs/running.ts'
import type { ContextFilesOf } from '../runs/types.ts'
import type { SessionUseCases } from '../sessions/use-cases.ts'
import { identityOf } from './identity-file.ts'

const longestWaitSeconds = 600

interface Parts {
  running: Pick<RunningRuns, 'find' | 'waitUntilIdle'>
  sessions: Pick<SessionUseCases, 'exists'>
  lookup: Pick<AgentLookup, 'find' | 'hasAccess' | 'runnable'>
  contextFiles: ContextFilesOf
}

export const createAgentWs = ({ running, sessions, lookup, contextFiles }: Parts) => {
  /** An agent that a caller may use, if it is one. */
  const usable = async (caller: Caller, ref: string): Promise<Agent | undefined> => {
    const agent = await lookup.find(caller.tenantId, ref)
    return agent !== undefined && (await lookup.hasAccess(caller, agent)) ? agent : undefined
  }

  return implementWs(ws.agentState)({
    agent: async ({ caller, params }) => {
      const { id, agentKey } = await lookup.runnable(caller, params.agentId)
      return { id: agentKey, isRunning: (await running.find(caller.tenantId, { agentId: id })).length > 0 }
    },

    'agent.wait': async ({ caller, call, params: { agentId, sessionKey, timeout } }) => {
      const ref = (agentId || agentOfKey(sessionKey ?? '')) ?? 'default'
      const { id, agentKey } = await lookup.runnable(caller, ref)
      if (sessionKey !== undefined) await sessions.exists(caller, sessionKey)
      const seconds = timeout === 0 ? longestWaitSeconds : Math.min(timeout, longestWaitSeconds)
      await running.waitUntilIdle(call, sessionKey === undefined ? { agentId: id } : { sessionKey }, seconds * 1000)
      return { id: agentKey, status: 'idle' as const }
    },

    'agent.identity.get': async ({ caller, params: { agentId, sessionKey } }) => {
      const ref = (agentId || agentOfKey(sessionKey ?? '')) ?? 'default'
      const agent = await usable(caller, ref)
      if (agent === undefined) return { agentId: ref }
      const files = await contextFiles(agent, caller.userId)
      const file = files.findLast(({ name }) => name === 'IDENTITY.md')
      const identity = identityOf(file?.content ?? '')
      return { agentId: agent.agentKey, ...identity, name: identity.name || agent.displayName }
    },
  })
}
