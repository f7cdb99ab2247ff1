import { z } from 'zod'
import type { PackageInfo } from './installed.ts'
import { printedJson } from './printed-json.ts'
import type { Prober, ProbeLimits } from './probe.ts'

const listing = z.object({
  dependencies: z
    .record(z.string(), z.object({ version: z.string().default(''), missing: z.boolean().default(false) }))
    .default({}),
})

/** What npm has installed globally, without what that depends on. */
export const listNpmPackages = async (probes: Prober, limits: ProbeLimits): Promise<PackageInfo[]> => {
  const args = ['ls', '--global', '--depth=0', '--json', '--logs-max=0', '--no-update-notifier']
  const output = await probes.run('npm', args, limits)
  // npm lists what there is even where it complains about it by its exit code.
  const dependencies = (output && printedJson(listing, output.text)?.dependencies) ?? {}
  return Object.entries(dependencies)
    .filter(([, { missing }]) => !missing)
    .map(([name, { version }]) => ({ name, version }))
}
