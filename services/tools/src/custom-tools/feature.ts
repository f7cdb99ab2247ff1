/** Custom tools: commands that a tenant makes tools of its agents. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Feature, Mesh, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import { catalogue } from '../builtin-tools/catalogue.ts'
import { checkEnv } from '../cli-credentials/use-cases.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createFindAgentId } from '../invoke/find-agent.ts'
import { canonicalName } from '../policy/policy.ts'
import { createCustomToolHttp } from './http.ts'
import { createCustomToolOffer } from './offered.ts'
import { createCustomToolRows } from './rows.ts'
import { createCustomToolUseCases } from './use-cases.ts'

/** Whether a call of that name means a tool of the catalogue, by an alias or not. */
const isBuiltIn = (name: string): boolean =>
  canonicalName(name) !== name || catalogue.some((entry) => entry.name === name)

export const createCustomTools = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>,
) => {
  const tools = createCustomToolUseCases({
    rowsOf: createCustomToolRows(db, mesh.secrets),
    findAgentId: createFindAgentId(agents),
    checkEnv,
    isBuiltIn,
  })
  return {
    http: createCustomToolHttp(tools),
    forgetAgent: tools.forgetAgent,
    offer: createCustomToolOffer(mesh, db, isBuiltIn),
  } satisfies Feature & Record<string, unknown>
}
