/** The agents of a tenant, as the agents service tells. */
import { MeshError } from '@clawmesh/contracts'
import { AgentsServiceService, type ResolveAgentResponse } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { detached, type Call, type Mesh } from '@clawmesh/chassis'
import type { FindAgent } from './domain/ports.ts'
import { readMemorySettings } from './domain/settings.ts'

export const agentDirectory = (mesh: Mesh): FindAgent => {
  const agents = mesh.client(AgentsServiceService)
  const known = mesh.cache<ResolveAgentResponse>('agents', 10_000)

  const resolve = async (call: Call, agent: string): Promise<ResolveAgentResponse | undefined> => {
    const answer = await agents.resolveAgent(call, { agent })
    return answer.found ? answer : undefined
  }

  return async (call, idOrKey) => {
    const found =
      // Which agent is the default changes without a word about the one that becomes it.
      idOrKey === ''
        ? await resolve(call, '')
        : await known.get(call.caller.tenantId, idOrKey, () => resolve(detached(call), idOrKey))
    if (found === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: idOrKey || 'default' })
    return { id: found.id, settings: readMemorySettings(found) }
  }
}
