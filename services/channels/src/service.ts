/** Channels: the chat channels through which users of a tenant reach its agents. */
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import { PrismaClient } from './db/client/client.ts'
import { createInstances } from './instances/feature.ts'

export const channelsService = (mesh: Mesh): Service => {
  const db = openServiceDb(mesh, 'channels', PrismaClient)
  const instances = createInstances(mesh, db)
  return composeService(mesh, {
    name: 'channels',
    features: [instances],
    rpc: [implementRpc(ChannelsServiceService, instances.rpc)],
    parts: db.parts,
  })
}
