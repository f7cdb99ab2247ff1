/** What is installed on the machine, as each of its package managers tells it. */
import { listNpmPackages } from './npm.ts'
import { listPipPackages } from './pip.ts'
import type { Prober, ProbeLimits } from './probe.ts'
import { singleFlight } from '@clawmesh/chassis'
import { listSystemPackages } from './system.ts'

export interface PackageInfo {
  name: string
  /** Empty when unknown. */
  version: string
}

export interface InstalledPackages {
  /** Only what users installed, in the order in which they did. */
  system: PackageInfo[]
  pip: PackageInfo[]
  npm: PackageInfo[]
}

const outputLimitBytes = 8 * 1024 * 1024

interface InstalledParts {
  probes: Prober
  /** Names of system packages that users installed, one a line. */
  persistFile: string
  listTimeoutMs: number
  keepMs: number
}

/** All managers are asked at once; one that is missing, slow or unreadable has an empty list. */
export const createInstalledPackages = ({ probes, persistFile, listTimeoutMs, keepMs }: InstalledParts) => {
  const limits: ProbeLimits = { timeoutMs: listTimeoutMs, outputLimitBytes }
  return singleFlight(async (): Promise<InstalledPackages> => {
    const [system, pip, npm] = await Promise.all([
      listSystemPackages(probes, persistFile, limits),
      listPipPackages(probes, limits),
      listNpmPackages(probes, limits),
    ])
    return { system, pip, npm }
  }, keepMs)
}
