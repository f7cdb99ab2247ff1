import { http } from '@clawmesh/contracts'
import { implementHttp, streamed } from '@clawmesh/chassis'
import type { SystemConfigUseCases } from './use-cases.ts'

/** 204, which must have no body. */
const noContent = () => streamed(async (response) => void response.writeHead(204).end())

export const createSystemConfigHttp = (configs: SystemConfigUseCases) =>
  implementHttp(http.systemConfigs)({
    listSystemConfigs: async ({ caller }) => configs.list(caller),
    getSystemConfig: async ({ caller, params: { key } }) => ({ key, value: await configs.get(caller, key) }),
    setSystemConfig: async ({ call, params: { key }, body: { value } }) => {
      await configs.set(call, key, value)
      return { key, value }
    },
    deleteSystemConfig: async ({ call, params: { key } }) => {
      await configs.remove(call, key)
      return noContent()
    },
  })
