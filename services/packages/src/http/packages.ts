import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { InstalledPackages } from '../domain/installed.ts'
import type { Runtime, RuntimeName } from '../domain/runtimes.ts'

interface Parts {
  packages: () => Promise<InstalledPackages>
  runtimes: () => Promise<Runtime[]>
}

export const createPackagesHandlers = ({ packages, runtimes }: Parts): Handlers<typeof http.packages> => ({
  listPackages: () => packages(),
  getPackageRuntimes: async () => {
    const all = await runtimes()
    const has = (name: RuntimeName) => all.some((runtime) => runtime.name === name && runtime.available)
    return { runtimes: all, ready: has('python3') && has('pip3'), python: has('python3'), node: has('node') }
  },
})
