import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Instance } from './types.ts'
import type { InstanceUseCases } from './use-cases.ts'

const toSeconds = (at: Date): string => at.toISOString().replace(/\.\d{3}Z$/, 'Z')

const toResponse = ({ firstSeenAt, lastSeenAt, ...instance }: Instance) => ({
  ...instance,
  firstSeenAt: toSeconds(firstSeenAt),
  lastSeenAt: toSeconds(lastSeenAt),
})

export const createInstanceHttp = (instances: InstanceUseCases) =>
  implementHttp(http.instances)({
    listAgentInstances: async ({ caller, params }) => ({
      instances: (await instances.list(caller, params.id)).map(toResponse),
    }),
    listInstanceFiles: async ({ caller, params }) => ({
      files: await instances.files(caller, params.id, params.userID),
    }),
    getInstanceFile: ({ caller, params }) => instances.file(caller, params.id, params.userID, params.fileName),
    setInstanceFile: async ({ call, params: { id, userID: userId, fileName }, body: { content } }) => {
      await instances.setFile(call, id, { userId, fileName, content })
      return { status: 'updated' }
    },
    updateInstanceMetadata: async ({ call, params, body }) => {
      await instances.mergeMetadata(call, params.id, params.userID, body.metadata)
      return { status: 'updated' }
    },
  })
