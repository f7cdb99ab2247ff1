/** Secure CLI credentials: programs that agents run with variables which they never see. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Feature, Mesh, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createFindAgentId } from '../invoke/find-agent.ts'
import { createCliAccess } from './access.ts'
import { createCliHttp } from './http.ts'
import { createCliRows } from './rows.ts'
import { createCliUseCases } from './use-cases.ts'

export const createCliCredentials = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>,
) => {
  const credentials = createCliUseCases({
    rowsOf: createCliRows(db, mesh.secrets),
    findAgentId: createFindAgentId(agents),
  })
  return {
    http: createCliHttp(credentials),
    forgetAgent: credentials.forgetAgent,
    access: createCliAccess(mesh, db),
  } satisfies Feature & Record<string, unknown>
}
