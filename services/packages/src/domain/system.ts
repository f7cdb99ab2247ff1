import { open } from 'node:fs/promises'
import type { PackageInfo } from './installed.ts'
import type { Prober, ProbeLimits } from './probe.ts'

const persistFileLimitBytes = 64 * 1024
/** What the package helper takes for a name; never an option, as it does not begin with a hyphen. */
const namePattern = /^[a-zA-Z0-9@][a-zA-Z0-9._+\-/@]{0,199}$/

/** The first of the file, as far as the limit goes; empty when there is none. */
const readPersistFile = async (path: string): Promise<string> => {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(persistFileLimitBytes), 0, persistFileLimitBytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return ''
  }
}

/** The names in a persist file: one a line, in order, each once. */
export const namesIn = (persisted: string): string[] => [
  ...new Set(
    persisted
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => namePattern.test(line)),
  ),
]

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
  const names = namesIn(await readPersistFile(persistFile))
  if (names.length === 0) return []
  const versions = await versionsOf(names, probes, limits)
  return names.map((name) => ({ name, version: versions.get(name) ?? '' }))
}
