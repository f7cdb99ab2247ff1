import { z } from 'zod'
import type { PackageInfo } from './installed.ts'
import { printedJson } from './printed-json.ts'
import type { Prober, ProbeLimits } from './probe.ts'

const listing = z.array(z.object({ name: z.string(), version: z.string() }))

/** Everything that pip reports. */
export const listPipPackages = async (probes: Prober, limits: ProbeLimits): Promise<PackageInfo[]> => {
  const output = await probes.run('pip3', ['list', '--format=json', '--disable-pip-version-check'], limits)
  return (output && printedJson(listing, output.text)) ?? []
}
