/** What the commands about dead events and dead jobs share: in which services they look, and how their options go together. */
import { chassisConfig, loadConfigs, type Database, type RemoteService } from '@clawmesh/chassis'
import { z } from 'zod'
import { readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { withDatabases } from '../databases.ts'
import { SetupError } from '../host.ts'
import { servicesWithDatabase } from '../targets.ts'

export interface Report {
  text: string
  ok: boolean
}

export interface ListOptions {
  service?: string
  json: boolean
  /** Rows of each service, at most. */
  limit: number
}

export interface ReplayOptions {
  service?: string
  all?: true
}

/** What a terminal would take for a command is left out. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '')

/** @throws SetupError naming an unknown service */
const parseService = (name: string): RemoteService => {
  const service = servicesWithDatabase.find((each) => each === name)
  if (service === undefined)
    throw new SetupError(`unknown service ${name}; there are ${servicesWithDatabase.join(', ')}`)
  return service
}

interface Kind<R> {
  /** As a service has them: `no jobs`, `keeps no dead events`. */
  none: string
  /** Of the connection to the database. */
  connection: string
  open: (database: Database) => R
}

/** Works with the rows of a service, or of all that have the table. @throws SetupError when the named one has none */
export const withRowsOf = <R extends { exist: () => Promise<boolean> }, T>(
  { none, connection, open }: Kind<R>,
  env: NodeJS.ProcessEnv,
  name: string | undefined,
  work: (holders: ReadonlyMap<RemoteService, R>) => Promise<T>,
): Promise<T> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  const services = name === undefined ? servicesWithDatabase : [parseService(name)]
  const dataDir = openDataDir(config.dataDir)
  return withDatabases({ config, dataDir, services, name: connection }, async (databases) => {
    const holders = new Map<RemoteService, R>()
    for (const [service, database] of databases) {
      const rows = open(database)
      if (await rows.exist()) holders.set(service, rows)
    }
    if (name !== undefined && holders.size === 0)
      throw new SetupError(`${name} ${none}, or its database lacks the table: run clawmesh migrate`)
    return work(holders)
  })
}

/** @param what one of them is called. @throws SetupError for options of a replay that do not go together */
export const checkReplay = (what: string, id: string | undefined, { service, all }: ReplayOptions): void => {
  if ((id === undefined) !== (all === true)) throw new SetupError(`name one ${what}, or --all with --service`)
  if (all === true && service === undefined) throw new SetupError('--all needs --service')
  if (id !== undefined && !z.uuid().safeParse(id).success) throw new SetupError(`${printable(id)} is no id`)
}
