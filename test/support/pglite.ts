/**
 * The embedded PostgreSQL for tests, each in a process of its own and never in jest's: making and freeing the WebAssembly
 * code of several in one process breaks V8 (docs/adr/0016).
 */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBackgroundProcess } from './background-process.ts'
import { migrateServices, templateName, type MigratedService } from './migrated-database.ts'

export interface PgliteProcessOptions {
  /** Where the data lie, created when absent. Undefined: in memory, gone after `stop`. */
  dataDir?: string | undefined
  idleInTransactionTimeoutMs?: number
  /** Tries a second server on the same data in the same process, which must fail. */
  twice?: boolean
}

export interface PgliteProcess {
  /** For npm `pg` and everything that stands on it. */
  url: string
  pid: number
  /** SIGKILL stands for a crash. May be called more than once. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const script = fileURLToPath(new URL('./pglite-process.ts', import.meta.url))

/** Starts one. @throws Error with what it said when it does not start */
export const startPgliteProcess = async (options: PgliteProcessOptions = {}): Promise<PgliteProcess> => {
  const { ready, pid, stop } = await startBackgroundProcess({
    command: process.execPath,
    args: [script, JSON.stringify(options)],
    ready: /ready (\S+)\n/,
  })
  return { url: ready[1]!, pid, stop }
}

/** Where a database is kept for later runs; another PGlite, and other migrations, have another. */
const templateFolder = (services: readonly MigratedService[]): string => {
  const program = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { mtimeMs } = statSync(program)
  const parts = [program, mtimeMs, process.getuid?.(), templateName(services)]
  return join(tmpdir(), `clawmesh-pglite-${createHash('sha256').update(parts.join(':')).digest('hex').slice(0, 16)}`)
}

/** Makes the database once; several who do at the same time make it each, and the first one counts. */
const templateDatabase = async (services: readonly MigratedService[]): Promise<string> => {
  const template = templateFolder(services)
  if (existsSync(template)) return template
  const unfinished = await mkdtemp(`${template}-`)
  if (services.length > 0) await cp(await templateDatabase([]), unfinished, { recursive: true })
  const server = await startPgliteProcess({ dataDir: unfinished })
  await migrateServices(server.url, services)
  await server.stop()
  await rename(unfinished, template).catch(() => rm(unfinished, { recursive: true, force: true }))
  return template
}

/** Fills a folder that is not there yet with an empty database: ten times as fast as making one. */
export const copyEmptyDatabase = async (dataDir: string): Promise<void> =>
  cp(await templateDatabase([]), dataDir, { recursive: true })

/** Starts one with the schemas of some services, which `stop` removes. */
export const startMigratedPglite = async (services: readonly MigratedService[]): Promise<PgliteProcess> => {
  const directory = await mkdtemp(join(tmpdir(), 'clawmesh-pglite-'))
  const dataDir = join(directory, 'data')
  const clean = () => rm(directory, { recursive: true, force: true })
  try {
    await cp(await templateDatabase(services), dataDir, { recursive: true })
    const server = await startPgliteProcess({ dataDir })
    return { ...server, stop: (signal) => server.stop(signal).then(clean) }
  } catch (error) {
    await clean()
    throw error
  }
}

/** Starts one with an empty database, which `stop` removes. */
export const startEmptyPglite = (): Promise<PgliteProcess> => startMigratedPglite([])
