/** Packages: what the machine that tools run on has installed. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { http } from '@clawmesh/contracts'
import { PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import { implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { PackagesConfig } from './config.ts'
import { createInstalledPackages } from './domain/installed.ts'
import { createProber } from './domain/probe.ts'
import { createCurrentRuntimes } from './domain/runtimes.ts'
import { createPackagesHandlers } from './http/packages.ts'
import { createPackagesRpc } from './rpc/packages.ts'
import { createPackagesStore } from './store/store.ts'

export const packagesService = (mesh: Mesh, config: PackagesConfig): Service => {
  const database = mesh.database('packages')
  const probes = createProber(config.searchPath)
  const runtimes = createCurrentRuntimes({
    ...config,
    probes,
    store: createPackagesStore(database, hostname()),
    log: mesh.log.child({ service: 'packages' }),
  })
  const packages = createInstalledPackages({
    ...config,
    probes,
    persistFile: join(config.runtimeDir || join(mesh.dataDir, '.runtime'), 'apk-packages'),
  })

  return {
    name: 'packages',
    http: implementHttp(http.packages, createPackagesHandlers({ packages, runtimes }), mesh.httpParts('packages')),
    rpc: [implementRpc(PackagesServiceService, createPackagesRpc(runtimes))],
    parts: [
      { name: 'packages database', ready: database.ping },
      { name: 'packages probes', stop: async () => probes.stop() },
    ],
  }
}
