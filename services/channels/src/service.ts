/** Channels: the chat channels through which users of a tenant reach its agents. */
import { http } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { implementHttp, implementRpc, createOutboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import { createChannelInstanceUseCases, type FindAgentId } from './domain/instances.ts'
import { agentDeletedPart } from './events.ts'
import { createChannelInstanceHandlers } from './http/instances.ts'
import { createChannelsRpc } from './rpc/channels.ts'
import { createChannelStore } from './store/store.ts'

export const channelsService = (mesh: Mesh): Service => {
  const database = mesh.database('channels')
  const outbox = createOutboxPart(database, mesh)
  const store = createChannelStore({ database, secrets: mesh.secrets, published: outbox.wakeRelay })
  const agents = mesh.client(AgentsServiceService)
  const findAgentId: FindAgentId = async (call, agent) => {
    const { found, id } = await agents.resolveAgent(call, { agent })
    return found ? id : undefined
  }
  const instances = createChannelInstanceUseCases(store, findAgentId)

  return {
    name: 'channels',
    http: implementHttp(http.channels, createChannelInstanceHandlers(instances), mesh.httpParts('channels')),
    rpc: [implementRpc(ChannelsServiceService, createChannelsRpc(instances))],
    parts: [{ name: 'channels database', ready: database.ping }, outbox, agentDeletedPart(mesh, instances)],
  }
}
