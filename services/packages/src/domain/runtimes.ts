/** Which language runtimes the machine has, and whether the package helper listens. */
import { stat } from 'node:fs/promises'
import type { Logger } from '@clawmesh/chassis'
import type { PackagesStore } from '../store/store.ts'
import type { Prober } from './probe.ts'
import { singleFlight } from '@clawmesh/chassis'

const programs = ['python3', 'pip3', 'node', 'npm'] as const
/** In the order in which clients see them. */
export const runtimeNames = [...programs, 'pkg-helper'] as const
export type RuntimeName = (typeof runtimeNames)[number]

export interface Runtime {
  name: RuntimeName
  available: boolean
  /** As the program words it; absent when it did not say. */
  version?: string
}

const versionLimitChars = 100

/** The version in what `--version` printed: the first line without where it was installed; undefined for anything odd. */
export const versionIn = (printed: string): string | undefined => {
  const version = printed.split('\n', 1)[0]!.split(' from ', 1)[0]!.trim()
  // Printable, with a digit in it.
  return version.length <= versionLimitChars && /^[\x20-\x7e]*\d[\x20-\x7e]*$/.test(version) ? version : undefined
}

const probeProgram = async (probes: Prober, name: (typeof programs)[number], timeoutMs: number): Promise<Runtime> => {
  if (!(await probes.has(name))) return { name, available: false }
  const output = await probes.run(name, ['--version'], { timeoutMs, outputLimitBytes: 4096 })
  const version = output?.exitCode === 0 ? versionIn(output.text) : undefined
  return { name, available: true, ...(version === undefined ? {} : { version }) }
}

const probeHelper = async (helperSocket: string): Promise<Runtime> => {
  const available = await stat(helperSocket).then(
    (stats) => stats.isSocket(),
    () => false,
  )
  return { name: 'pkg-helper', available, ...(available ? { version: 'socket' } : {}) }
}

interface RuntimesParts {
  probes: Prober
  store: PackagesStore
  log: Logger
  helperSocket: string
  versionTimeoutMs: number
  /** Age up to which a stored probe is good enough. */
  keepMs: number
}

/** The runtimes of this machine, in order: as last probed when that is recent, else probed anew and stored. */
export const createCurrentRuntimes = ({
  probes,
  store,
  log,
  helperSocket,
  versionTimeoutMs,
  keepMs,
}: RuntimesParts) => {
  // The machine can be looked at without a database, so its failure costs no answer.
  const unless = (what: string) => (err: unknown) => log.warn({ err }, `packages: ${what} the last probe failed`)

  return singleFlight(async (): Promise<Runtime[]> => {
    const stored = await store.probedAfter(new Date(Date.now() - keepMs)).catch(unless('reading'))
    const known = runtimeNames.flatMap((name) => stored?.find((runtime) => runtime.name === name) ?? [])
    if (known.length === runtimeNames.length) return known
    const probed = await Promise.all([
      ...programs.map((name) => probeProgram(probes, name, versionTimeoutMs)),
      probeHelper(helperSocket),
    ])
    await store.save(probed, new Date()).catch(unless('storing'))
    return probed
  })
}
