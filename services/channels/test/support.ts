/** Channels over a real database, with an agents service that knows a handful of agents. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { implementRpc, newId, type RpcFunctions, type Service } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import { channelsService } from '../src/index.ts'
import { startServices, testCaller, type ServiceHarness } from '../../../test/support/service-harness.ts'

export interface ChannelsHarness extends ServiceHarness {
  /** A tenant's admin, and an agent of the tenant that goes by the key `helper`. */
  tenant: () => { admin: Caller; agentId: string }
  /** Another agent of a caller's tenant. */
  addAgent: (caller: Caller, key: string) => string
  create: (caller: Caller, fields?: object) => Promise<{ id: string; name: string }>
  /** The rows of channel_instances, whole, as text. */
  stored: () => Promise<string>
}

interface Agent {
  tenantId: string
  id: string
  key: string
}

const standIn = (agents: readonly Agent[]): Service => {
  const resolveAgent: RpcFunctions<typeof AgentsServiceService>['resolveAgent'] = async ({ caller }, { agent }) => {
    const found = agents.find(
      ({ tenantId, id, key }) => tenantId === caller.tenantId && (id === agent || key === agent),
    )
    return {
      found: found !== undefined,
      id: found?.id ?? '',
      agentKey: found?.key ?? '',
      status: 'active',
      ownerId: '',
      workspace: '',
      toolsConfigJson: '',
      memoryConfigJson: '',
      agentType: 'open',
      selfEvolve: false,
      shareMemory: false,
      hasAccess: true,
    }
  }
  const unused = () => Promise.reject(new Error('channels has no business with context files'))
  return {
    name: 'agents',
    rpc: [implementRpc(AgentsServiceService, { resolveAgent, getContextFile: unused, setContextFile: unused })],
    parts: [],
  }
}

export const startChannels = async (): Promise<ChannelsHarness> => {
  const agents: Agent[] = []
  const harness = await startServices({ services: { channels: channelsService }, standIns: [standIn(agents)] })
  const addAgent = ({ tenantId }: Caller, key: string): string => {
    const id = newId()
    agents.push({ tenantId, id, key })
    return id
  }
  let names = 0
  return {
    ...harness,
    addAgent,
    tenant: () => {
      const admin = testCaller()
      return { admin, agentId: addAgent(admin, 'helper') }
    },
    create: async (caller, fields = {}) => {
      const input = { name: `bot-${++names}`, channel_type: 'telegram', agent_id: 'helper', ...fields }
      const { status, body } = await harness.request<{ id: string; name: string }>(
        caller,
        'POST',
        '/v1/channels/instances',
        input,
      )
      if (status !== 201) throw new Error(`creating answered ${status} ${JSON.stringify(body)}`)
      return body
    },
    stored: async () => {
      const { rows } = await harness.mesh
        .database('channels')
        .pool.query<{ row: string }>('SELECT i::text AS row FROM channels.channel_instances i')
      return rows.map(({ row }) => row).join('\n')
    },
  }
}
