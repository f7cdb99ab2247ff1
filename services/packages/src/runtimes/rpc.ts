import { type PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { Runtime } from './types.ts'

export const createRuntimeRpc = (runtimes: () => Promise<Runtime[]>): RpcFunctions<typeof PackagesServiceService> => ({
  listRuntimes: async () => ({
    runtimes: (await runtimes()).map((runtime) => ({ ...runtime, version: runtime.version ?? '' })),
  }),
})
