/** Packages: what the machine that tools run on has installed. */
import { PackagesServiceService } from '@clawmesh/contracts/gen/clawmesh/packages/v1/packages.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import type { PackagesConfig } from './config.ts'
import { PrismaClient } from './db/client/client.ts'
import { createProber } from './machine/probe.ts'
import { createPackages } from './packages/feature.ts'
import { createRuntimes } from './runtimes/feature.ts'

export const packagesService = (mesh: Mesh, config: PackagesConfig): Service => {
  const db = openServiceDb(mesh, 'packages', PrismaClient)
  const probes = createProber(config.searchPath)
  const packages = createPackages(mesh, config, probes)
  const runtimes = createRuntimes(mesh, db, config, probes)
  return composeService(mesh, {
    name: 'packages',
    features: [packages, runtimes],
    rpc: [implementRpc(PackagesServiceService, runtimes.rpc)],
    parts: [...db.parts, { name: 'packages probes', stop: async () => probes.stop() }],
  })
}
