/** What is installed on the machine, as each of its package managers tells it. */
import { npmPackages } from './npm.ts'
import { pipPackages } from './pip.ts'
import type { Prober, ProbeLimits } from './probe.ts'
import { shared } from './shared.ts'
import { systemPackages } from './system.ts'

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
export const installedPackages = ({ probes, persistFile, listTimeoutMs, keepMs }: InstalledParts) => {
  const limits: ProbeLimits = { timeoutMs: listTimeoutMs, outputLimitBytes }
  return shared(async (): Promise<InstalledPackages> => {
    const [system, pip, npm] = await Promise.all([
      systemPackages(probes, persistFile, limits),
      pipPackages(probes, limits),
      npmPackages(probes, limits),
    ])
    return { system, pip, npm }
  }, keepMs)
}
