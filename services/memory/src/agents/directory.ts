/** The agents of a tenant, as the agents service knows them. */
import { MeshError } from '@clawmesh/contracts'
import { AgentsServiceService, type ResolveAgentResponse } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { detached, type Call, type Mesh } from '@clawmesh/chassis'
import { readMemorySettings } from './settings.ts'
import type { FindAgent } from './types.ts'

export const createAgentDirectory = (mesh: Mesh): FindAgent => {
  const agents = mesh.client(AgentsServiceService)
  const known = mesh.cache<ResolveAgentResponse>('agents', 10_000)

  const resolve = async (call: Call, agent: string): Promise<ResolveAgentResponse | undefined> => {
    const answer = await agents.resolveAgent(call, { agent, fromRows: true })
    return answer.found ? answer : undefined
  }

  return async (call, idOrKey) => {
    const { tenantId, userId, role } = call.caller
    // Who asks decides whether they have access.
    const key = JSON.stringify([idOrKey, userId, role])
    const found = await known.get(tenantId, key, () => resolve(detached(call), idOrKey))
    if (found === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: idOrKey || 'default' })
    if (!found.hasAccess) throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
    return { id: found.id, settings: readMemorySettings(found) }
  }
}
