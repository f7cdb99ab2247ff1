/** The jobs that an agent has for a user, as if there were no others. What a model asks for has closer bounds. */
import { MeshError } from '@clawmesh/contracts'
import type { CronJob } from './types.ts'
import type { CronRows } from './use-cases.ts'

export const mostJobsOfAgent = 50
const shortestMs = 60_000

/** @throws INVALID_REQUEST for an interval below a minute */
const checkInterval = ({ kind, everyMs = 0 }: CronJob['schedule']): void => {
  if (kind === 'every' && everyMs < shortestMs)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'schedule.everyMs',
      reason: 'at least a minute',
    })
}

export const rowsOfAgent = (rows: CronRows, agentId: string, userId: string): CronRows => ({
  list: (filter) => rows.list({ ...filter, agentId, userId }),

  find: async (id) => {
    const job = await rows.find(id)
    return job?.agentId === agentId && job.userId === userId ? job : undefined
  },

  countEnabled: async () => (await rows.list({ includeDisabled: false, agentId, userId })).length,

  insert: (job, actor) => {
    checkInterval(job.schedule)
    return rows.insert({ ...job, agentId, userId }, actor, mostJobsOfAgent)
  },

  update: (id, actor, changesOf, what) =>
    rows.update(
      id,
      actor,
      (stored) => {
        const changes = changesOf(stored)
        if (changes.schedule !== undefined) checkInterval(changes.schedule)
        return { ...changes, agentId }
      },
      what,
    ),

  // Only of jobs that were found here before.
  remove: rows.remove,
  ask: rows.ask,

  runs: (page) => rows.runs({ ...page, agentId, userId }),
})
