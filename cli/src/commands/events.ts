/** `clawmesh events dead`: what consumers could not handle, and replaying it. */
import {
  chassisConfig,
  createDeadEvents,
  loadConfigs,
  type DeadEvents,
  type DeadEventSummary,
  type RemoteService,
} from '@clawmesh/chassis'
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

/** @throws SetupError naming an unknown service */
export const parseService = (name: string): RemoteService => {
  const service = servicesWithDatabase.find((each) => each === name)
  if (service === undefined)
    throw new SetupError(`unknown service ${name}; there are ${servicesWithDatabase.join(', ')}`)
  return service
}

/** Does work with the dead events of a service, or of all that keep any. @throws SetupError when the named one keeps none */
const withDeadEvents = <T>(
  env: NodeJS.ProcessEnv,
  name: string | undefined,
  work: (holders: ReadonlyMap<RemoteService, DeadEvents>) => Promise<T>,
): Promise<T> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  const services = name === undefined ? servicesWithDatabase : [parseService(name)]
  const dataDir = openDataDir(config.dataDir)
  return withDatabases({ config, dataDir, services, name: 'events' }, async (databases) => {
    const holders = new Map<RemoteService, DeadEvents>()
    for (const [service, database] of databases) {
      const deadEvents = createDeadEvents(database)
      if (await deadEvents.exist()) holders.set(service, deadEvents)
    }
    if (name !== undefined && holders.size === 0)
      throw new SetupError(`${name} keeps no dead events, or its database lacks the table: run clawmesh migrate`)
    return work(holders)
  })
}

export interface ListOptions {
  service?: string
  json: boolean
  /** Rows of each service, at most. */
  limit: number
}

/** What a terminal would take for a command is left out. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '')

const lineOf = (service: RemoteService, row: DeadEventSummary): string =>
  printable(
    `${service} ${row.id} ${row.state} ${row.event} tenant ${row.tenantId ?? 'unknown'} ` +
      `deliveries ${row.deliveries} last ${row.failedAt.toISOString()}: ${row.error}`,
  )

/** The dead events, oldest first by service; without their payloads. */
export const listDeadEvents = (env: NodeJS.ProcessEnv, { service, json, limit }: ListOptions): Promise<string> =>
  withDeadEvents(env, service, async (holders) => {
    const rows: (DeadEventSummary & { service: RemoteService })[] = []
    const notes: string[] = []
    for (const [name, deadEvents] of holders) {
      const listed = await deadEvents.list(limit)
      rows.push(...listed.map((row) => ({ service: name, ...row })))
      const more = listed.length < limit ? 0 : (await deadEvents.count()) - listed.length
      if (more > 0) notes.push(`${name}: ${more} more`)
    }
    if (json) return JSON.stringify(rows, null, 2)
    return rows.length === 0 ? 'no dead events' : [...rows.map((row) => lineOf(row.service, row)), ...notes].join('\n')
  })

export interface ReplayOptions {
  service?: string
  all?: true
}

/**
 * Asks services to replay one dead event, or all that wait; not ok when none does. The services do it while they run.
 * @throws SetupError for options that do not go together
 */
export const replayDeadEvents = (
  env: NodeJS.ProcessEnv,
  id: string | undefined,
  { service, all }: ReplayOptions,
): Promise<Report> => {
  if ((id === undefined) !== (all === true)) throw new SetupError('name one dead event, or --all with --service')
  if (all === true && service === undefined) throw new SetupError('--all needs --service')
  if (id !== undefined && !z.uuid().safeParse(id).success) throw new SetupError(`${printable(id)} is no id`)
  return withDeadEvents(env, service, async (holders) => {
    const lines: string[] = []
    for (const [name, deadEvents] of holders) {
      const count = await deadEvents.requestReplay(id)
      if (count > 0) lines.push(`${name}: ${count} to be replayed, within seconds while ${name} runs`)
    }
    return lines.length > 0
      ? { text: lines.join('\n'), ok: true }
      : { text: 'nothing waits that could be replayed', ok: false }
  })
}
