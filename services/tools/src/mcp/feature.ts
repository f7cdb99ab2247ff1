/** MCP servers: what a tenant has registered, who may use it, and the secrets of its users. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { Call, Feature, Mesh, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import type { ToolsConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createCredentialHttp } from './credentials/http.ts'
import { createCredentialRows } from './credentials/rows.ts'
import { createCredentialUseCases } from './credentials/use-cases.ts'
import { createGrantHttp } from './grants/http.ts'
import { createGrantRows } from './grants/rows.ts'
import { createGrantUseCases } from './grants/use-cases.ts'
import { createRequestHttp } from './requests/http.ts'
import { createRequestRows } from './requests/rows.ts'
import { createRequestUseCases } from './requests/use-cases.ts'
import { createServerHttp } from './servers/http.ts'
import { createServerRows } from './servers/rows.ts'
import { createServerUseCases } from './servers/use-cases.ts'

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: Pick<ToolsConfig, 'mcpStdio'>
  agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>
}

export const createMcp = ({ mesh, db, config, agents }: Parts): Feature[] => {
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const findAgentId = async (call: Call, agent: string) => {
    const { found, id } = await agents.resolveAgent(call, { agent })
    return found ? id : undefined
  }
  const servers = createServerUseCases({ rowsOf: createServerRows(db, mesh.secrets), allow, stdio: config.mcpStdio })
  const grants = createGrantUseCases({ rowsOf: createGrantRows(db), findAgentId })
  const requests = createRequestUseCases({ rowsOf: createRequestRows(db), findAgentId })
  const credentials = createCredentialUseCases(createCredentialRows(db, mesh.secrets))
  return [
    { http: createServerHttp(servers) },
    {
      http: createGrantHttp(grants),
      events: { agentDeleted: ({ tenantId, data: { id } }) => grants.forgetAgent(tenantId, id) },
    },
    { http: createRequestHttp(requests) },
    { http: createCredentialHttp(credentials) },
  ]
}
