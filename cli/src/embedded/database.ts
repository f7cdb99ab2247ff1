/** The database of embedded mode: PGlite in the data folder (docs/adr/0003). */
import { join } from 'node:path'
import type { Logger } from '@clawmesh/chassis'
import { startPglite } from './pglite.ts'

export interface EmbeddedDatabase {
  url: string
  stop: () => Promise<void>
}

/** Starts the embedded database. @throws Error when another process holds the data folder */
export const startEmbeddedDatabase = async (dataDir: string, log: Logger): Promise<EmbeddedDatabase> => {
  const startedAt = Date.now()
  const database = await startPglite({
    dataDir: join(dataDir, 'database'),
    // Nothing works without it; a supervisor, or the person who started us, starts anew.
    onFailure: (err) => {
      log.fatal({ err }, 'the embedded database failed')
      process.exit(1)
    },
  })
  log.info({ ms: Date.now() - startedAt }, 'embedded database is up')
  return database
}
