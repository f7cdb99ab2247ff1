/** MCP servers: what a tenant has registered, who may use it, and the secrets of its users. */
import { join } from 'node:path'
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import { masterTenantId } from '@clawmesh/contracts'
import type { Feature, Mesh, RpcFunctions, ServiceDb } from '@clawmesh/chassis'
import type { ToolsConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createFindAgentId } from '../invoke/find-agent.ts'
import type { FoundSandbox } from '../exec/sandbox.ts'
import { createConnect } from './client/connect.ts'
import { createPrograms } from './client/programs.ts'
import { createOutdated } from './client/outdated.ts'
import { createPool, defaultPoolLimits, type PoolLimits } from './client/pool.ts'
import { createMcpArchiveHttp } from './archives/http.ts'
import { createMcpArchives } from './archives/use-cases.ts'
import { createAsk } from '../questions/ask.ts'
import { swept } from '../questions/swept.ts'
import { createElicit } from './elicitation/elicit.ts'
import { createElicitationRpc } from './elicitation/rpc.ts'
import { createElicitationRows, createElicitationSweep } from './elicitation/rows.ts'
import { createElicitationWs } from './elicitation/ws.ts'
import { createCredentialHttp } from './credentials/http.ts'
import { createCredentialRows } from './credentials/rows.ts'
import { createCredentialUseCases } from './credentials/use-cases.ts'
import { createGrantHttp } from './grants/http.ts'
import { createGrantRows } from './grants/rows.ts'
import { createGrantUseCases } from './grants/use-cases.ts'
import { createRequestHttp } from './requests/http.ts'
import { createRequestRows } from './requests/rows.ts'
import { createRequestUseCases } from './requests/use-cases.ts'
import { createMcpFetch } from './client/guarded-fetch.ts'
import { createAuthorization } from './oauth/authorization.ts'
import { createSignInHttp } from './oauth/http.ts'
import { createOauthRows } from './oauth/rows.ts'
import { createSignInRpc } from './oauth/rpc.ts'
import { createSignIns } from './oauth/sign-ins.ts'
import { createTokens } from './oauth/tokens.ts'
import { createOauth } from './oauth/use-cases.ts'
import { createServerHttp } from './servers/http.ts'
import { createServerRows } from './servers/rows.ts'
import { sharedServersOf } from './servers/shared.ts'
import { createTrials } from './servers/trials.ts'
import { createServerUseCases } from './servers/use-cases.ts'
import { createAccessRows, type McpAccess } from './tools/rows.ts'
import { createToolboxes } from './tools/toolbox.ts'

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: Pick<
    ToolsConfig,
    'mcpServers' | 'mcpStdio' | 'mcpSandbox' | 'mcpFolders' | 'mcpHeaderVariables' | 'mcpPoolSize' | 'publicUrl'
  >
  agents: Pick<RpcFunctions<typeof AgentsServiceService>, 'resolveAgent'>
  findSandbox: () => Promise<FoundSandbox>
  /** Shorter times, for tests. */
  poolLimits?: Partial<PoolLimits>
}

const cachedAccesses = 10_000
const elicitationMs = 120_000
const elicitationLookMs = 1_000
/** Of what an authorization server answers. */
const mostOauthBytes = 262_144
/** So long a turn waits for servers that were never asked for their tools; what comes later is there in the next. */
const firstListMs = 5_000

export const createMcp = ({ mesh, db, config, agents, findSandbox, poolLimits }: Parts) => {
  const allow = mesh.config.fetchAllow.split(',').filter(Boolean)
  const log = mesh.log.child({ service: 'tools' })
  const findAgentId = createFindAgentId(agents)
  const mayRunPrograms = (tenantId: string) =>
    config.mcpStdio === 'all' || (config.mcpStdio === 'master' && tenantId === masterTenantId)

  const programs = createPrograms({
    base: join(mesh.dataDir, 'mcp'),
    folders: config.mcpFolders,
    isApart: config.mcpSandbox,
    findSandbox,
  })
  const connections = createConnect({ allow, programOf: programs.programOf })
  const rows = createServerRows(db, mesh.secrets)
  const oauthWeb = createMcpFetch(allow, mostOauthBytes, { streams: false })
  const addresses = {
    redirectUri: `${config.publicUrl}/v1/mcp/oauth/callback`,
    metadataUrl: `${config.publicUrl}/v1/mcp/oauth/client.json`,
  }
  const authorization = createAuthorization({ fetch: oauthWeb.fetch, ...addresses })
  const oauthRows = createOauthRows(db, mesh.secrets)
  const oauth = createOauth({
    rowsOf: oauthRows,
    authorization,
    tokens: createTokens({ rowsOf: oauthRows, authorization, log }),
    log,
  })
  const elicitationRows = createElicitationRows(db, mesh.secrets)
  const shared = sharedServersOf(config.mcpServers)
  const accessRows = createAccessRows(db, shared)
  const accesses = mesh.cache<McpAccess>('mcp', cachedAccesses)
  const toolboxes = createToolboxes({
    rows: accessRows,
    accesses,
    box: mesh.secrets,
    oauth,
    elicit: createElicit({
      rowsOf: elicitationRows,
      ask: createAsk({ bus: mesh.bus, log, waitMs: elicitationMs, lookMs: elicitationLookMs }),
      log,
    }),
    connections: () => pool,
    openVariables: config.mcpHeaderVariables,
    mayRunPrograms,
    firstListMs,
    log,
  })
  const pool = createPool({
    connect: connections.connect,
    limits: { shared: config.mcpPoolSize, ...poolLimits },
    toolsChanged: ({ tenantId, ...key }, tools) => {
      if (!toolboxes.learn({ tenantId, ...key }, tools)) return
      // Who keeps lists of tools is to ask for them again.
      db.forTenant(tenantId)
        .change(async () => ({ result: undefined, evict: [{ kind: 'mcp', tenantId }] }))
        .catch((err: unknown) => log.warn({ err, tenantId }, 'nobody could be told of new tools of an MCP server'))
    },
  })
  const ofInstallation = new Set(shared.map(({ server }) => server.id))
  const endOutdated = createOutdated({
    connections: pool,
    versionsOf: accessRows.versionsOf,
    isOfInstallation: (id) => ofInstallation.has(id),
    log,
  })
  accesses.onInvalidation(({ tenantId }) => endOutdated(tenantId))
  const trials = createTrials({
    connect: connections.connect,
    openVariables: config.mcpHeaderVariables,
    timeoutMs: poolLimits?.connectMs ?? defaultPoolLimits.connectMs,
  })
  const servers = createServerUseCases({
    rowsOf: rows,
    allow,
    mayRunPrograms,
    trials,
    authOf: oauth.accountAuth,
    dropConnections: pool.drop,
    forgetFiles: programs.forget,
  })
  const grantRows = createGrantRows(db)
  const grants = createGrantUseCases({ rowsOf: grantRows, findAgentId })
  const requests = createRequestUseCases({ rowsOf: createRequestRows(db), findAgentId })
  const credentials = createCredentialUseCases(createCredentialRows(db, mesh.secrets))
  const archives = createMcpArchives({
    servers: (tenantId) => rows(tenantId).list(),
    grants: (tenantId) => grantRows(tenantId).list({}),
    create: servers.create,
    putGrant: (tenantId, serverId, grant, actor) => grantRows(tenantId).putAgent(serverId, grant, actor),
    agentKeyOf: async (call, agent) => (await agents.resolveAgent(call, { agent })).agentKey || undefined,
    agentIdOf: findAgentId,
    log,
  })
  const features: Feature[] = [
    { http: createMcpArchiveHttp(archives, mesh.client(ExportsServiceService)) },
    {
      http: createServerHttp(servers),
      ws: createElicitationWs({ rowsOf: elicitationRows, bus: mesh.bus }),
      parts: [swept('questions of MCP servers', createElicitationSweep(db), log)],
    },
    { http: createSignInHttp(createSignIns({ serversOf: rows, oauth }), addresses) },
    { http: createGrantHttp(grants) },
    { http: createRequestHttp(requests) },
    { http: createCredentialHttp(credentials) },
  ]
  return {
    features,
    forgetAgent: grants.forgetAgent,
    toolbox: toolboxes.toolbox,
    rpc: {
      ...createSignInRpc({ find: oauth.find, serverOf: (tenantId, id) => rows(tenantId).find(id) }),
      ...createElicitationRpc(elicitationRows),
    },
    part: {
      name: 'MCP connections',
      stop: async () => {
        await pool.close()
        await Promise.all([connections.close(), oauthWeb.close()])
      },
    },
  }
}
