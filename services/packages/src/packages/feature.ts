/** The packages that are installed on the machine. */
import { join } from 'node:path'
import type { Feature, Mesh } from '@clawmesh/chassis'
import type { PackagesConfig } from '../config.ts'
import { persistFileName, runtimeFolder } from '../machine/persisted.ts'
import type { Prober } from '../machine/probe.ts'
import { createPackageHttp } from './http.ts'
import { createInstalledPackages } from './use-cases.ts'

export const createPackages = (
  { dataDir }: Pick<Mesh, 'dataDir'>,
  { runtimeDir, listTimeoutMs, keepMs }: PackagesConfig,
  probes: Prober,
) => {
  const persistFile = join(runtimeFolder(runtimeDir, dataDir), persistFileName)
  return {
    http: createPackageHttp(createInstalledPackages({ probes, persistFile, listTimeoutMs, keepMs })),
  } satisfies Feature
}
