/** Channel instances: what they are, who may be reached through them, and their end with their agent. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { Adapters } from '../adapters/table.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createInstanceEvents } from './events.ts'
import { createInstanceHttp } from './http.ts'
import { createInstanceRows } from './rows.ts'
import { createInstanceRpc } from './rpc.ts'
import { createInstanceUseCases } from './use-cases.ts'

export const createInstances = (mesh: Mesh, db: ServiceDb<PrismaClient>, adapters: Adapters) => {
  const agents = mesh.client(AgentsServiceService)
  const instances = createInstanceUseCases({
    rowsOf: createInstanceRows(db, mesh.secrets),
    adapters,
    findAgentId: async (call, agent) => {
      const { found, id } = await agents.resolveAgent(call, { agent })
      return found ? id : undefined
    },
  })
  return {
    http: createInstanceHttp(instances),
    rpc: createInstanceRpc(instances),
    events: createInstanceEvents(instances),
  } satisfies Feature & { rpc: object }
}
