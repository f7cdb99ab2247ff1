/** Packages: what the machine that tools run on has installed. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { http } from '@clawmesh/contracts'
import { PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import { implementHttp, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import type { PackagesConfig } from './config.ts'
import { installedPackages } from './domain/installed.ts'
import { prober } from './domain/probe.ts'
import { currentRuntimes } from './domain/runtimes.ts'
import { packagesHandlers } from './http/packages.ts'
import { packagesRpc } from './rpc/packages.ts'
import { packagesStore } from './store/store.ts'

export const packagesService = (mesh: Mesh, config: PackagesConfig): Service => {
  const database = mesh.database('packages')
  const probes = prober(config.searchPath)
  const runtimes = currentRuntimes({
    ...config,
    probes,
    store: packagesStore(database, hostname()),
    log: mesh.log.child({ service: 'packages' }),
  })
  const packages = installedPackages({
    ...config,
    probes,
    persistFile: join(config.runtimeDir || join(mesh.dataDir, '.runtime'), 'apk-packages'),
  })

  return {
    name: 'packages',
    http: implementHttp(http.packages, packagesHandlers({ packages, runtimes }), mesh.httpParts('packages')),
    rpc: [implementRpc(PackagesServiceService, packagesRpc(runtimes))],
    parts: [
      { name: 'packages database', ready: database.ping },
      { name: 'packages probes', stop: async () => probes.stop() },
    ],
  }
}
