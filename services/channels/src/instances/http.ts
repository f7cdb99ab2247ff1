import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { masked } from './credentials.ts'
import type { ChannelInstance } from './types.ts'
import { isDefault, type InstanceUseCases } from './use-cases.ts'

const toResponse = (instance: ChannelInstance) => ({
  ...instance,
  isDefault: isDefault(instance),
  hasCredentials: instance.credentialKeys.length > 0,
  credentials: masked(instance.credentialKeys),
})

export const createInstanceHttp = (instances: InstanceUseCases) =>
  implementHttp(http.channelInstances)({
    listChannelInstances: async ({ caller, query }) => {
      const page = await instances.list(caller, query)
      return { ...query, ...page, instances: page.instances.map(toResponse) }
    },
    createChannelInstance: async ({ call, body }) => toResponse(await instances.create(call, body)),
    getChannelInstance: async ({ caller, params }) => toResponse(await instances.get(caller, params.id)),
    updateChannelInstance: async ({ call, params, body }) => {
      await instances.update(call, params.id, body)
      return { status: 'updated' }
    },
    deleteChannelInstance: async ({ call, params }) => {
      await instances.remove(call, params.id)
      return { status: 'deleted' }
    },
  })
