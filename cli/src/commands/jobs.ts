/** `clawmesh jobs dead`: background work that failed too often, and replaying it. */
import { createJobRows, type DeadJob, type RemoteService } from '@clawmesh/chassis'
import { checkReplay, printable, withRowsOf, type ListOptions, type ReplayOptions, type Report } from './dead-work.ts'

const jobs = { none: 'has no jobs', connection: 'jobs', open: createJobRows }

const lineOf = (service: RemoteService, job: DeadJob): string =>
  printable(
    `${service} ${job.id} ${job.name} tenant ${job.tenantId} attempts ${job.attempts} ` +
      `dead ${job.deadAt.toISOString()}: ${job.error}`,
  )

/** The dead jobs, oldest first by service. */
export const listDeadJobs = (env: NodeJS.ProcessEnv, { service, json, limit }: ListOptions): Promise<string> =>
  withRowsOf(jobs, env, service, async (holders) => {
    const dead: (DeadJob & { service: RemoteService })[] = []
    for (const [name, rows] of holders)
      dead.push(...(await rows.listDead(limit)).map((job) => ({ service: name, ...job })))
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
  options: ReplayOptions,
): Promise<Report> => {
  checkReplay('dead job', id, options)
  return withRowsOf(jobs, env, options.service, async (holders) => {
    const lines: string[] = []
    for (const [name, rows] of holders) {
      const count = await rows.replay(id)
      if (count > 0) lines.push(`${name}: ${count} to be tried again, within seconds while ${name} runs`)
    }
    return lines.length > 0 ? { text: lines.join('\n'), ok: true } : { text: 'no dead job to replay', ok: false }
  })
}
