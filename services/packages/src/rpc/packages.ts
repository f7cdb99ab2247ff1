import { type PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { Runtime } from '../domain/runtimes.ts'

export const createPackagesRpc = (runtimes: () => Promise<Runtime[]>): RpcFunctions<typeof PackagesServiceService> => ({
  listRuntimes: async () => ({
    runtimes: (await runtimes()).map(({ name, available, version = '' }) => ({ name, available, version })),
  }),
})
