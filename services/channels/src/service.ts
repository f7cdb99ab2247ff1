/** Channels: the chat channels through which users of a tenant reach its agents. */
import { http } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { implementHttp, implementRpc, outboxPart, type Mesh, type Service } from '@clawmesh/chassis'
import { channelInstanceUseCases, type FindAgentId } from './domain/instances.ts'
import { agentDeletedPart } from './events.ts'
import { channelInstanceHandlers } from './http/instances.ts'
import { channelsRpc } from './rpc/channels.ts'
import { channelStore } from './store/store.ts'

export const channelsService = (mesh: Mesh): Service => {
  const database = mesh.database('channels')
  const outbox = outboxPart(database, mesh)
  const store = channelStore({ database, secrets: mesh.secrets, published: outbox.poke })
  const agents = mesh.client(AgentsServiceService)
  const findAgentId: FindAgentId = async (call, agent) => {
    const { found, id } = await agents.resolveAgent(call, { agent })
    return found ? id : undefined
  }
  const instances = channelInstanceUseCases(store, findAgentId)

  return {
    name: 'channels',
    http: implementHttp(http.channels, channelInstanceHandlers(instances), mesh.httpParts('channels')),
    rpc: [implementRpc(ChannelsServiceService, channelsRpc(instances))],
    parts: [{ name: 'channels database', ready: database.ping }, outbox, agentDeletedPart(mesh, instances)],
  }
}
