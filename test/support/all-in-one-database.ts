/** The embedded database of a mesh under test, without the seconds that making one from nothing takes. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '@clawmesh/chassis'
import { startEmbeddedDatabase, type EmbeddedDatabase } from '../../cli/src/embedded/database.ts'

/** Where the empty database is kept for later runs; another PGlite has another. */
const templateFolder = (): string => {
  const program = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { mtimeMs } = statSync(program)
  const hash = createHash('sha256').update(`${program}:${mtimeMs}:${process.getuid?.()}`).digest('hex').slice(0, 16)
  return join(tmpdir(), `clawmesh-empty-database-${hash}`)
}

/** Makes the empty database once; several who do at the same time make it each, and the first one counts. */
const emptyDatabase = async (log: Logger): Promise<string> => {
  const template = templateFolder()
  if (existsSync(template)) return template
  const unfinished = await mkdtemp(`${template}-`)
  await (await startEmbeddedDatabase(unfinished, log)).stop()
  await rename(unfinished, template).catch(() => rm(unfinished, { recursive: true, force: true }))
  return template
}

/** Starts an embedded database in a data folder that has none yet. */
export const startCopiedDatabase = async (dataDir: string, log: Logger): Promise<EmbeddedDatabase> => {
  await cp(await emptyDatabase(log), dataDir, { recursive: true })
  return startEmbeddedDatabase(dataDir, log)
}
