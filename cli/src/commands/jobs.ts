/** `clawmesh jobs dead`: background work that failed too often, and replaying it. */
import {
  chassisConfig,
  createJobRows,
  loadConfigs,
  type DeadJob,
  type JobRows,
  type RemoteService,
} from '@clawmesh/chassis'
import { z } from 'zod'
import { readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { withDatabases } from '../databases.ts'
import { SetupError } from '../host.ts'
import { servicesWithDatabase } from '../targets.ts'
import { parseService, printable, type ListOptions, type ReplayOptions, type Report } from './events.ts'

/** Does work with the jobs of a service, or of all that have any. @throws SetupError when the named one has none */
const withJobs = <T>(
  env: NodeJS.ProcessEnv,
  name: string | undefined,
  work: (holders: ReadonlyMap<RemoteService, JobRows>) => Promise<T>,
): Promise<T> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  const services = name === undefined ? servicesWithDatabase : [parseService(name)]
  const dataDir = openDataDir(config.dataDir)
  return withDatabases({ config, dataDir, services, name: 'jobs' }, async (databases) => {
    const holders = new Map<RemoteService, JobRows>()
    for (const [service, database] of databases) {
      const jobs = createJobRows(database)
      if (await jobs.exist()) holders.set(service, jobs)
    }
    if (name !== undefined && holders.size === 0)
      throw new SetupError(`${name} has no jobs, or its database lacks the table: run clawmesh migrate`)
    return work(holders)
  })
}

const lineOf = (service: RemoteService, job: DeadJob): string =>
  printable(
    `${service} ${job.id} ${job.name} tenant ${job.tenantId} attempts ${job.attempts} ` +
      `dead ${job.deadAt.toISOString()}: ${job.error}`,
  )

/** The dead jobs, oldest first by service. */
export const listDeadJobs = (env: NodeJS.ProcessEnv, { service, json, limit }: ListOptions): Promise<string> =>
  withJobs(env, service, async (holders) => {
    const dead: (DeadJob & { service: RemoteService })[] = []
    for (const [name, jobs] of holders)
      dead.push(...(await jobs.listDead(limit)).map((job) => ({ service: name, ...job })))
    if (json) return JSON.stringify(dead, null, 2)
    return dead.length === 0 ? 'no dead jobs' : dead.map((job) => lineOf(job.service, job)).join('\n')
  })

/**
 * Lets dead jobs wait for their attempts anew; not ok when there is none. The services work on them while they run.
 * @throws SetupError for options that do not go together
 */
export const replayDeadJobs = (
  env: NodeJS.ProcessEnv,
  id: string | undefined,
  { service, all }: ReplayOptions,
): Promise<Report> => {
  if ((id === undefined) !== (all === true)) throw new SetupError('name one dead job, or --all with --service')
  if (all === true && service === undefined) throw new SetupError('--all needs --service')
  if (id !== undefined && !z.uuid().safeParse(id).success) throw new SetupError(`${printable(id)} is no id`)
  return withJobs(env, service, async (holders) => {
    const lines: string[] = []
    for (const [name, jobs] of holders) {
      const count = await jobs.replay(id)
      if (count > 0) lines.push(`${name}: ${count} to be tried again, within seconds while ${name} runs`)
    }
    return lines.length > 0 ? { text: lines.join('\n'), ok: true } : { text: 'no dead job to replay', ok: false }
  })
}
