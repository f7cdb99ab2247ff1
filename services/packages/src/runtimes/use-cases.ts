/** Which language runtimes the machine has, and whether the package helper listens. */
import { stat } from 'node:fs/promises'
import { singleFlight, type Logger } from '@clawmesh/chassis'
import type { Prober } from '../machine/probe.ts'
import type { Runtime } from './types.ts'

const programs = ['python3', 'pip3', 'node', 'npm'] as const
/** In the order in which clients see them. */
const runtimeNames = [...programs, 'pkg-helper'] as const

/** The stored probes of this machine, which are no tenant's. */
export interface RuntimeRows {
  /** The runtimes that were probed after a time, in no order. */
  probedAfter: (time: Date) => Promise<Runtime[]>
  /** Puts a probe in the place of the last one. */
  save: (runtimes: readonly Runtime[], checkedAt: Date) => Promise<void>
}

const versionLimitChars = 100

/** The version in what `--version` printed: the first line without where it was installed; undefined for anything odd. */
export const versionIn = (printed: string): string | undefined => {
  const version = printed.split('\n', 1)[0]!.split(' from ', 1)[0]!.trim()
  // Printable, with a digit in it.
  return version.length <= versionLimitChars && /^[\x20-\x7e]*$/.test(version) && /\d/.test(version)
    ? version
    : undefined
}

const probeProgram = async (probes: Prober, name: (typeof programs)[number], timeoutMs: number): Promise<Runtime> => {
  if (!(await probes.has(name))) return { name, available: false }
  const output = await probes.run(name, ['--version'], { timeoutMs, outputLimitBytes: 4096 })
  const version = output?.exitCode === 0 ? versionIn(output.text) : undefined
  return { name, available: true, version }
}

const probeHelper = async (helperSocket: string): Promise<Runtime> => {
  const available = await stat(helperSocket).then(
    (stats) => stats.isSocket(),
    () => false,
  )
  return { name: 'pkg-helper', available, version: available ? 'socket' : undefined }
}

interface RuntimesParts {
  probes: Prober
  rows: RuntimeRows
  log: Logger
  helperSocket: string
  versionTimeoutMs: number
  /** Age up to which a stored probe is good enough. */
  keepMs: number
}

/** The runtimes of this machine, in order: as last probed when that is recent, else probed anew and stored. */
export const createCurrentRuntimes = ({ probes, rows, log, helperSocket, versionTimeoutMs, keepMs }: RuntimesParts) => {
  // The machine can be looked at without a database, so its failure costs no answer.
  const unless = (what: string) => (err: unknown) => log.warn({ err }, `packages: ${what} the last probe failed`)

  return singleFlight(async (): Promise<Runtime[]> => {
    const stored = await rows.probedAfter(new Date(Date.now() - keepMs)).catch(unless('reading'))
    const known = runtimeNames.flatMap((name) => stored?.find((runtime) => runtime.name === name) ?? [])
    if (known.length === runtimeNames.length) return known
    const probed = await Promise.all([
      ...programs.map((name) => probeProgram(probes, name, versionTimeoutMs)),
      probeHelper(helperSocket),
    ])
    await rows.save(probed, new Date()).catch(unless('storing'))
    return probed
  })
}
