/** The databases of services: which are embedded, and work with them for commands beside the mesh. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  createLogger,
  openDatabase,
  openingLimitMs,
  type ChassisConfig,
  type Database,
  type RemoteService,
} from '@clawmesh/chassis'
import pg from 'pg'
import { startEmbeddedDatabase } from './embedded/database.ts'
import { databaseUrl, SetupError } from './host.ts'

const hasPgvector = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: openingLimitMs })
  await client.connect()
  try {
    return (await client.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'vector'`)).rowCount === 1
  } finally {
    await client.end()
  }
}

/**
 * Services for which no database is configured. Memory needs pgvector, which the common server may lack.
 * @param embedded whether there is an embedded database for them
 */
export const withoutDatabase = async (
  services: readonly RemoteService[],
  config: ChassisConfig,
  embedded: boolean,
): Promise<RemoteService[]> => {
  const missing = services.filter((service) => databaseUrl(service, config) === '')
  const shared = databaseUrl('memory', config)
  const memoryElsewhere =
    embedded &&
    services.includes('memory') &&
    shared !== '' &&
    shared === config.databaseUrl &&
    !(await hasPgvector(shared))
  return memoryElsewhere ? [...missing, 'memory'] : missing
}

/** PostgreSQL's codes for a schema, table or column that is not there. */
const missing = new Set(['3F000', '42P01', '42703'])

interface DatabasesOptions {
  config: ChassisConfig
  dataDir: string
  services: readonly RemoteService[]
  /** Of the command, for logs. */
  name: string
}

/**
 * Does work with the databases of services, the embedded one where none is configured.
 * @throws SetupError when a schema lacks what the work needs
 */
export const withDatabases = async <T>(
  { config, dataDir, services, name }: DatabasesOptions,
  work: (databases: ReadonlyMap<RemoteService, Database>) => Promise<T>,
): Promise<T> => {
  const log = createLogger({ level: 'warn', name })
  const unserved = await withoutDatabase(services, config, existsSync(join(dataDir, 'database')))
  const embedded = unserved.length > 0 ? await startEmbeddedDatabase(dataDir, log) : undefined
  const urlOf = (service: RemoteService) => (unserved.includes(service) ? embedded!.url : databaseUrl(service, config))
  const databases = new Map(
    services.map((service) => [service, openDatabase({ url: urlOf(service), schema: service, poolSize: 1, log })]),
  )
  try {
    return await work(databases)
  } catch (thrown) {
    if (missing.has(String((thrown as { code?: unknown }).code)))
      throw new SetupError(`${(thrown as Error).message}: run clawmesh migrate, or start the mesh once`)
    throw thrown
  } finally {
    await Promise.all([...databases.values()].map((database) => database.close()))
    await embedded?.stop()
  }
}
