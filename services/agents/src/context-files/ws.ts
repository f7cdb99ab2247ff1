/** The context files of agents over a WebSocket. */
import { knownContextFiles, MeshError, ws, type Caller } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import { agentNotFound, type RequireOwned } from '../agents/owned.ts'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import type { ContextFileUseCases } from './use-cases.ts'

interface Parts {
  files: Pick<ContextFileUseCases, 'shared' | 'write'>
  lookup: Pick<AgentLookup, 'fromRows'>
  requireOwned: RequireOwned
}

const shown = (name: (typeof knownContextFiles)[number], content: string | undefined) =>
  content === undefined ? { name, missing: true } : { name, missing: false, size: Buffer.byteLength(content) }

export const createContextFileMethods = ({ files, lookup: { fromRows }, requireOwned }: Parts) => {
  /** @throws NOT_FOUND, FORBIDDEN */
  const readable = async (caller: Caller, ref: string): Promise<Agent> => {
    const agent = await fromRows.find(caller.tenantId, ref)
    if (agent === undefined) throw agentNotFound(ref)
    if (!(await fromRows.hasAccess(caller, agent)))
      throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
    return agent
  }

  return implementWs(ws.agentFiles)({
    'agents.files.list': async ({ caller, params }) => {
      const agent = await readable(caller, params.agentId)
      const texts = await files.shared(agent)
      return { agentId: agent.agentKey, files: knownContextFiles.map((name) => shown(name, texts.get(name))) }
    },
    'agents.files.get': async ({ caller, params: { agentId, name } }) => {
      const agent = await readable(caller, agentId)
      const content = (await files.shared(agent)).get(name)
      return { agentId: agent.agentKey, file: { ...shown(name, content), content } }
    },
    'agents.files.set': async ({ call, params: { agentId, name, content, propagate } }) => {
      const agent = await requireOwned(call.caller, agentId)
      const propagated = await files.write(call, agent, { name, content, propagate })
      const text = content === '' ? undefined : content
      return { agentId: agent.agentKey, file: { ...shown(name, text), content: text }, propagated }
    },
  })
}
