/** Agents over a WebSocket. */
import { rm } from 'node:fs/promises'
import { MeshError, ws, type Caller } from '@clawmesh/contracts'
import { implementWs, type Logger, type RequestShape } from '@clawmesh/chassis'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import type { RunningRuns } from '../runs/running.ts'
import type { Agent, AgentInput } from './types.ts'
import type { AgentUseCases } from './use-cases.ts'

interface Parts {
  agents: AgentUseCases
  files: Pick<ContextFileUseCases, 'setIdentity'>
  running: Pick<RunningRuns, 'find'>
  log: Logger
}

type Update = Omit<RequestShape<(typeof ws.agentMethods.methods)['agents.update']['params']>, 'agentId' | 'avatar'>

/** What of an update says something: an empty text does not. */
const changesOf = ({ name, status, ...fields }: Update): AgentInput => {
  const given = { ...fields, displayName: name, status: status === '' ? undefined : status }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''))
}

/** Who owns a new agent. @throws FORBIDDEN for another than the user to whom the caller is bound */
const ownerOf = ({ userId, userBound }: Caller, [named]: readonly string[] = []): string => {
  if (userBound && named !== undefined && named !== userId)
    throw new MeshError('FORBIDDEN', 'error.bound_to_user', { user: userId })
  return named || userId || 'system'
}

export const createAgentMethods = ({ agents, files, running, log }: Parts) => {
  const removeFiles = async (agent: Agent): Promise<void> => {
    await rm(agent.workspace, { recursive: true, force: true }).catch((err: unknown) =>
      log.warn({ err, tenantId: agent.tenantId, agentId: agent.id }, 'a workspace could not be removed'),
    )
  }

  return implementWs(ws.agentMethods)({
    'agents.list': async ({ caller }) => {
      const [all, runs] = await Promise.all([agents.list(caller), running.find(caller.tenantId, {})])
      const atWork = new Set(runs.map(({ agentId }) => agentId))
      return {
        agents: all
          .filter(({ status }) => status === 'active')
          .map(({ id, agentKey: key, displayName, model, provider, agentType }) => ({
            id: key,
            key,
            uuid: id,
            name: displayName || key,
            model,
            provider,
            agentType,
            status: 'active' as const,
            isRunning: atWork.has(id),
          })),
      }
    },

    'agents.create': async ({ call, params: { name, emoji, avatar, ownerIds, ...input } }) => {
      const ownerId = ownerOf(call.caller, ownerIds)
      const agent = await agents.create(call, { ...input, displayName: name }, ownerId)
      await files.setIdentity(agent, { Name: name, Emoji: emoji, Avatar: avatar })
      return { ok: true, agentId: agent.agentKey, name, workspace: agent.workspace }
    },

    'agents.update': async ({ call, params: { agentId, avatar, ...changes } }) => {
      const { agentKey } = await agents.get(call.caller, agentId)
      await agents.update(call, agentId, changesOf(changes))
      if (avatar) await files.setIdentity(await agents.get(call.caller, agentKey), { Avatar: avatar })
      return { ok: true, agentId: agentKey }
    },

    'agents.delete': async ({ call, params: { agentId, deleteFiles } }) => {
      const agent = await agents.get(call.caller, agentId)
      if (agent.agentKey === 'default')
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
          field: 'agentId',
          reason: 'cannot be changed',
        })
      await agents.remove(call, agentId)
      if (deleteFiles && agents.hasWorkspaceOfItsOwn(call.caller, agent)) await removeFiles(agent)
      return { ok: true, agentId: agent.agentKey, removedBindings: 0 }
    },
  })
}
