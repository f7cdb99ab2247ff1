/** Channels over a real database, with an agents service that knows a handful of agents. */
import { AgentsServiceService, ResolveAgentResponse } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { newId, type Service } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import { channelsService } from '../src/index.ts'
import { fakeRpc } from '../../../test/support/fake-rpc.ts'
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

/** Knows ids and keys of agents, and nothing else of them. */
const fakeAgents = (agents: readonly Agent[]): Service =>
  fakeRpc(AgentsServiceService, {
    resolveAgent: async ({ caller }, { agent }) => {
      const found = agents.find(
        ({ tenantId, id, key }) => tenantId === caller.tenantId && (id === agent || key === agent),
      )
      return ResolveAgentResponse.create({
        found: found !== undefined,
        id: found?.id,
        agentKey: found?.key,
        hasAccess: true,
      })
    },
  })

export const startChannels = async (build = channelsService): Promise<ChannelsHarness> => {
  const agents: Agent[] = []
  const harness = await startServices({ services: { channels: build }, standIns: [fakeAgents(agents)] })
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
