/** Running tools: for agents, and by hand. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { cutText, type Feature, type Mesh, type RpcFunctions, type ServiceDb } from '@clawmesh/chassis'
import { LRUCache } from 'lru-cache'
import type { Lacking } from '../builtin-tools/catalogue.ts'
import type { ToolSetting } from '../builtin-tools/types.ts'
import type { ToolsConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { InvokeParts } from './use-cases.ts'
import { unknownProfiles } from '../policy/policy.ts'
import type { PortMakers } from '../tool/ports.ts'
import { ownAddresses } from './own-addresses.ts'
import { createCallLimit } from './call-limit.ts'
import { createFindAgent } from './find-agent.ts'
import { createInvokeHttp } from './http.ts'
import { createInvocationRecord } from './rows.ts'
import { createInvokeRpc } from './rpc.ts'
import { createTenantRules } from './tenant-rules.ts'
import type { CallScope } from './types.ts'
import { createInvokeUseCases } from './use-cases.ts'

interface InvokeFeatureParts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  config: Pick<ToolsConfig, 'policy' | 'toolTimeoutMs' | 'toolCallsPerHour' | 'scrubCredentials' | 'serverAddresses'>
  agents: RpcFunctions<typeof AgentsServiceService>
  settingsOf: (tenantId: string) => Promise<readonly ToolSetting[]>
  storedSettingsOf: (tenantId: string) => Promise<readonly ToolSetting[]>
  ports: PortMakers<CallScope>
  toolbox: InvokeParts['toolbox']
  secretsOf: InvokeParts['secretsOf']
  notesOn: InvokeParts['notesOn']
  customTools: InvokeParts['customTools']
  lacking: Lacking
}

export const createInvoke = ({
  mesh,
  db,
  config,
  agents,
  settingsOf,
  storedSettingsOf,
  ports,
  toolbox,
  secretsOf,
  notesOn,
  customTools,
  lacking,
}: InvokeFeatureParts) => {
  const log = mesh.log.child({ service: 'tools' })
  for (const profile of unknownProfiles(config.policy))
    log.warn({ profile }, 'the tool policy of the installation names a profile that there is not: it restricts nothing')
  const warnedOf = new LRUCache<string, true>({ max: 1_000 })
  const invoke = createInvokeUseCases({
    settingsOf,
    storedSettingsOf,
    ports,
    toolbox,
    secretsOf,
    notesOn,
    customTools,
    lacking,
    findAgent: createFindAgent(agents),
    rules: createTenantRules(
      mesh,
      { policy: config.policy, callsPerHour: config.toolCallsPerHour, scrubs: config.scrubCredentials },
      log,
    ),
    timeoutMs: config.toolTimeoutMs,
    takeCall: createCallLimit(),
    serverAddresses: [...new Set([...ownAddresses(), ...config.serverAddresses])],
    recordInvocation: createInvocationRecord(db),
    onUnknownProfile: (tenantId, agentId, profile) => {
      const key = JSON.stringify([tenantId, agentId, profile])
      if (warnedOf.has(key)) return
      warnedOf.set(key, true)
      const said = { tenantId, agentId, profile: cutText(profile, 100) }
      log.warn(said, 'the tools_config of an agent names a profile that there is not: it restricts nothing')
    },
    onUnexpected: (tool, err) => log.error({ err, tool }, 'a tool failed'),
  })
  return { http: createInvokeHttp(invoke), rpc: createInvokeRpc(invoke), useCases: invoke } satisfies Feature & {
    rpc: object
    useCases: object
  }
}
