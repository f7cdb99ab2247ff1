import type { Prober, ProbeLimits } from '../machine/probe.ts'
import { readPersisted } from '../machine/persisted.ts'
import type { PackageInfo } from './types.ts'

/** Versions by name in what `apk info -v` prints: `name-version-rN`, perhaps with a description behind it. */
export const apkVersions = (printed: string): Map<string, string> =>
  new Map(
    printed.split('\n').flatMap((line) => {
      const [, name, version] = /^(\S+)-([^\s-]+-r\d+)(?:\s|$)/.exec(line) ?? []
      return name === undefined || version === undefined ? [] : [[name, version] as const]
    }),
  )

const dpkgFormat = '${Package}\\t${Version}\\t${db:Status-Status}\\n'
/** Versions by name in what `dpkg-query` prints in the format above; removed packages are still listed there. */
export const dpkgVersions = (printed: string): Map<string, string> =>
  new Map(
    printed.split('\n').flatMap((line) => {
      const [name, version, status] = line.split('\t')
      return name && version && status === 'installed' ? [[name, version] as const] : []
    }),
  )

const versionsOf = async (names: readonly string[], probes: Prober, limits: ProbeLimits) => {
  if (await probes.has('apk')) return apkVersions((await probes.run('apk', ['info', '-v'], limits))?.text ?? '')
  const args = ['--show', `--showformat=${dpkgFormat}`, '--', ...names]
  // It fails for one unknown name and lists the others all the same.
  return dpkgVersions((await probes.run('dpkg-query', args, limits))?.text ?? '')
}

/** The system packages that users installed, with the versions that the system's manager knows. */
export const listSystemPackages = async (
  probes: Prober,
  persistFile: string,
  limits: ProbeLimits,
): Promise<PackageInfo[]> => {
  const names = await readPersisted(persistFile)
  if (names.length === 0) return []
  const versions = await versionsOf(names, probes, limits)
  return names.map((name) => ({ name, version: versions.get(name) ?? '' }))
}
