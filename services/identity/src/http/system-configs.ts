import type { http } from '@clawmesh/contracts'
import { streamed, type Handlers } from '@clawmesh/chassis'
import type { SystemConfigUseCases } from '../domain/system-configs.ts'

/** 204, which must have no body. */
const noContent = () => streamed(async (response) => void response.writeHead(204).end())

export const createSystemConfigHandlers = (
  configs: SystemConfigUseCases,
): Handlers<
  typeof http.identity,
  'listSystemConfigs' | 'getSystemConfig' | 'setSystemConfig' | 'deleteSystemConfig'
> => ({
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
