import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { Runtime } from './types.ts'

export const createRuntimeHttp = (runtimes: () => Promise<Runtime[]>) =>
  implementHttp(http.runtimes)({
    getPackageRuntimes: async () => {
      const all = await runtimes()
      const has = (name: Runtime['name']) => all.some((runtime) => runtime.name === name && runtime.available)
      return { runtimes: all, ready: has('python3') && has('pip3'), python: has('python3'), node: has('node') }
    },
  })
