/** Work at set times, as people decide it. Admins see all jobs of their tenant, others their own. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, present, type Actor, type Call } from '@clawmesh/chassis'
import { seesAllSessions as seesAll } from '../sessions/access.ts'
import { checkedSchedule, nextRun, type Schedule } from './schedule.ts'
import type { CronFields, CronInput, CronJob, CronPatch, CronRun } from './types.ts'

interface RunPage {
  jobId: string | undefined
  /** Only of jobs of this user. */
  userId: string | undefined
  /** Only of jobs of this agent. */
  agentId?: string | undefined
  limit: number
  offset: number
}

/** The jobs of one tenant. */
export interface CronRows {
  /** Newest first. */
  list: (filter: {
    includeDisabled: boolean
    agentId?: string | undefined
    userId?: string | undefined
  }) => Promise<CronJob[]>
  find: (id: string) => Promise<CronJob | undefined>
  countEnabled: () => Promise<number>
  /**
   * @param most as many jobs as the agent may have for the user; any number where it is left out
   * @throws NOT_FOUND when the agent is gone, ALREADY_EXISTS when it has as many as it may
   */
  insert: (
    job: CronFields & Pick<CronJob, 'id' | 'userId' | 'nextRunAt'>,
    actor: Actor,
    most?: number,
  ) => Promise<CronJob>
  /** Writes what `change` makes of the stored job, which nobody else changes meanwhile. Undefined when there is none. */
  update: (
    id: string,
    actor: Actor,
    change: (stored: CronJob) => Partial<CronFields & Pick<CronJob, 'nextRunAt'>>,
    what: 'updated' | 'toggled',
  ) => Promise<CronJob | undefined>
  /** False when there is none. */
  remove: (id: string, actor: Actor) => Promise<boolean>
  /** Lets a job run at once. Nothing happens while it runs. */
  ask: (job: CronJob, actor: Actor) => Promise<void>
  runs: (page: RunPage) => Promise<{ entries: CronRun[]; total: number }>
}

interface Parts {
  rowsOf: (tenantId: string) => CronRows
  /** The agent that a caller may use. @throws NOT_FOUND, FORBIDDEN */
  runnable: (caller: Caller, ref: string) => Promise<{ id: string }>
  /** The agent that an id or key names. */
  findAgent: (tenantId: string, ref: string) => Promise<{ id: string } | undefined>
  defaultZone: () => string
  /** A job is to run now. */
  wake: () => void
}

const neverRuns = () =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'schedule', reason: 'would never run' })

const scheduleOf = (given: Schedule | string): Schedule =>
  typeof given === 'string' ? { kind: 'cron', expr: given } : given

/** Of the same kind only what is given changes, but for the zone. */
const merged = (stored: Schedule, given: Schedule | string): Schedule => {
  const next = scheduleOf(given)
  if (next.kind !== stored.kind) return next
  return { ...stored, ...present(next), tz: next.tz }
}

export const createCronUseCases = ({ rowsOf, runnable, findAgent, defaultZone, wake }: Parts) => {
  /** @throws INVALID_REQUEST for an agent that is not there, FORBIDDEN for one that is not for the caller */
  const agentIdOf = async (caller: Caller, ref: string): Promise<string | null> => {
    if (ref === '') return null
    const found = await runnable(caller, ref).catch((thrown: unknown) => {
      if (!(thrown instanceof MeshError) || thrown.code !== 'NOT_FOUND') throw thrown
      throw new MeshError('INVALID_REQUEST', thrown.key, thrown.params)
    })
    return found.id
  }

  const notTheirs = () => new MeshError('FORBIDDEN', 'error.no_access', { kind: 'cron job' })

  /** @throws NOT_FOUND, FORBIDDEN where the caller may not know whether there is one */
  const require = async (caller: Caller, id: string): Promise<CronJob> => {
    const job = await rowsOf(caller.tenantId).find(id)
    if (!seesAll(caller) && job?.userId !== caller.userId) throw notTheirs()
    if (job === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'cron job', id })
    return job
  }

  /** When a job runs first. @throws INVALID_REQUEST when it is on and would never run */
  const firstRun = (enabled: boolean, schedule: Schedule): Date | null => {
    if (!enabled) return null
    const next = nextRun(schedule, new Date())
    if (next === undefined) throw neverRuns()
    return next
  }

  const change = async (
    call: Call,
    id: string,
    what: 'updated' | 'toggled',
    make: Parameters<CronRows['update']>[2],
  ): Promise<CronJob> => {
    const { caller } = call
    const job = await rowsOf(caller.tenantId).update(id, actorOf(call), make, what)
    if (job === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'cron job', id })
    return job
  }

  return {
    list: async (
      caller: Caller,
      { includeDisabled, agentId }: { includeDisabled: boolean; agentId?: string | undefined },
    ) => {
      const agent = agentId === undefined ? undefined : await findAgent(caller.tenantId, agentId)
      if (agentId !== undefined && agent === undefined) return []
      const userId = seesAll(caller) ? undefined : caller.userId
      return rowsOf(caller.tenantId).list({ includeDisabled, agentId: agent?.id, userId })
    },

    /** How many jobs of the tenant are on. */
    countEnabled: ({ tenantId }: Caller): Promise<number> => rowsOf(tenantId).countEnabled(),

    /** @throws NOT_FOUND, FORBIDDEN */
    get: require,

    /** @throws INVALID_REQUEST, FORBIDDEN for an agent that is not for the caller */
    create: async (
      call: Call,
      { agentId, schedule: given, message, payload, ...fields }: CronInput,
    ): Promise<CronJob> => {
      const { caller } = call
      const said = message ?? payload?.message ?? ''
      if (said === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'message' })
      const schedule = checkedSchedule(scheduleOf(given), defaultZone())
      const job = {
        ...fields,
        id: newId(),
        userId: caller.userId,
        agentId: await agentIdOf(caller, agentId),
        schedule,
        message: said,
        enabled: true,
        deleteAfterRun: schedule.kind === 'at',
        nextRunAt: firstRun(true, schedule),
      }
      return rowsOf(caller.tenantId).insert(job, actorOf(call))
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST */
    update: async (
      call: Call,
      id: string,
      { agentId: agent, schedule: given, ...changes }: CronPatch,
    ): Promise<CronJob> => {
      const { caller } = call
      await require(caller, id)
      if (changes.message === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'message' })
      const agentId = agent === undefined ? undefined : await agentIdOf(caller, agent)
      return change(call, id, 'updated', (stored) => {
        const schedule =
          given === undefined ? stored.schedule : checkedSchedule(merged(stored.schedule, given), defaultZone())
        const enabled = changes.enabled ?? stored.enabled
        const isMoved = given !== undefined || enabled !== stored.enabled
        return {
          ...changes,
          ...(agentId === undefined ? {} : { agentId }),
          schedule,
          ...(isMoved ? { nextRunAt: firstRun(enabled, schedule) } : {}),
        }
      })
    },

    /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST when it would never run */
    toggle: async (call: Call, id: string, wanted: boolean | undefined): Promise<CronJob> => {
      await require(call.caller, id)
      return change(call, id, 'toggled', (stored) => {
        const enabled = wanted ?? !stored.enabled
        return enabled === stored.enabled ? {} : { enabled, nextRunAt: firstRun(enabled, stored.schedule) }
      })
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    remove: async (call: Call, id: string): Promise<void> => {
      await require(call.caller, id)
      await rowsOf(call.caller.tenantId).remove(id, actorOf(call))
    },

    /** Has a job run at once. @throws INVALID_REQUEST when there is none, FORBIDDEN */
    runNow: async (call: Call, id: string): Promise<void> => {
      const { caller } = call
      const job = await require(caller, id).catch((thrown: unknown) => {
        if (!(thrown instanceof MeshError) || thrown.code !== 'NOT_FOUND') throw thrown
        throw new MeshError('INVALID_REQUEST', 'error.job_not_found')
      })
      await rowsOf(caller.tenantId).ask(job, actorOf(call))
      wake()
    },

    runs: (caller: Caller, page: Omit<RunPage, 'userId' | 'agentId'>) =>
      rowsOf(caller.tenantId).runs({ ...page, userId: seesAll(caller) ? undefined : caller.userId }),
  }
}

export type CronUseCases = ReturnType<typeof createCronUseCases>
