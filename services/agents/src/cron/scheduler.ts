/** Looks for jobs whose time has come and has them done, several at a time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import type { Logger, Part } from '@clawmesh/chassis'

/** Work that a replica has claimed. */
export interface Claimed {
  id: string
  tenantId: string
  claim: string
  lastRunAt: Date | null
}

/** Nobody knows what was done before. */
interface Interrupted {
  status: 'interrupted'
  error: string
  summary?: undefined
  usage?: undefined
  durationMs: number
}

interface Claiming {
  limit: number
  /** Tenants that have as many places as they may. */
  exceptTenants: readonly string[]
  leaseMs: number
}

/** @template O how the work on a job ended */
export interface Claims<J extends Claimed, O> {
  /** Takes jobs whose time has come, those that wait longest first. Each must be ended or renewed within its lease. */
  take: (claiming: Claiming) => Promise<J[]>
  /** The work on a claimed job begins. False when it is not this replica's any more: then it must not. */
  begin: (job: Pick<J, 'id' | 'claim'>) => Promise<boolean>
  /** Those of the claimed jobs that are still this replica's. */
  renew: (jobs: readonly Pick<J, 'id' | 'claim'>[], leaseMs: number) => Promise<Set<string>>
  /**
   * Jobs that replicas had begun which have gone silent. What these had taken and not begun is free again, for anybody to
   * take.
   */
  lost: () => Promise<Pick<J, 'id' | 'tenantId' | 'claim' | 'lastRunAt'>[]>
  /**
   * Ends the work on a job: its log, its next run, and the event. False when somebody else has ended it, or it was
   * deleted; nothing is written then.
   */
  end: (job: Pick<J, 'id' | 'tenantId' | 'claim'>, outcome: O | Interrupted) => Promise<boolean>
}

interface Parts<J extends Claimed, O> {
  /** Of the part. */
  name: string
  claims: Claims<J, O>
  /** Never throws. The signal fires when the replica leaves, or the job is no longer its own. */
  perform: (job: J, signal: AbortSignal) => Promise<O>
  log: Logger
  /** Jobs at the same time. */
  places: number
  tickMs: number
  leaseMs: number
  /** How long jobs may go on when the process leaves. */
  drainMs: number
}

interface Work<J> {
  job: J
  abort: AbortController
}

export interface Scheduler {
  part: Part
  /** Looks at once. */
  wake: () => void
  /** Begins nothing any more. */
  lameDuck: () => void
}

export const createScheduler = <J extends Claimed, O>({
  name,
  claims,
  perform,
  log,
  places,
  tickMs,
  leaseMs,
  drainMs,
}: Parts<J, O>): Scheduler => {
  const placesOfTenant = Math.max(1, Math.ceil(places / 2))
  const working = new Map<Promise<void>, Work<J>>()
  let isLeaving = false
  let failing = false
  let woken = false
  let wakeUp = () => {}
  let running: Promise<void> = Promise.resolve()
  let renewing: NodeJS.Timeout | undefined

  const wake = () => {
    woken = true
    wakeUp()
  }

  const doJob = async ({ job, abort }: Work<J>): Promise<void> => {
    if (!(await claims.begin(job))) return
    const outcome = await perform(job, abort.signal)
    for (let tries = 0; ; tries++)
      try {
        await claims.end(job, outcome)
        return
      } catch (err) {
        // Its lease runs out otherwise, and it counts as interrupted.
        if (tries >= 5) return void log.warn({ err, jobId: job.id }, 'how a job ended could not be stored')
        await sleep(tickMs)
      }
  }

  /** Tenants that have no place left, and how many each of the others has at least. */
  const shares = () => {
    const held = new Map<string, number>()
    for (const { job } of working.values()) held.set(job.tenantId, (held.get(job.tenantId) ?? 0) + 1)
    const full = [...held].flatMap(([tenantId, count]) => (count >= placesOfTenant ? [tenantId] : []))
    const counts = [...held.values()].filter((count) => count < placesOfTenant)
    return { full, leftOfEach: placesOfTenant - Math.max(0, ...counts) }
  }

  /** Begins what can be begun; whether there may be more. */
  const begin = async (): Promise<boolean> => {
    const { full, leftOfEach } = shares()
    // What is claimed may be of one tenant alone.
    const limit = Math.min(places - working.size, leftOfEach)
    if (limit <= 0 || isLeaving) return false
    const claimed = await claims.take({ limit, exceptTenants: full, leaseMs })
    for (const job of claimed) {
      const work = { job, abort: new AbortController() }
      const done: Promise<void> = doJob(work)
        .catch((err: unknown) => log.warn({ err, jobId: job.id }, 'a job was not begun'))
        .finally(() => {
          working.delete(done)
          wake()
        })
      working.set(done, work)
    }
    return claimed.length === limit
  }

  const renew = async (): Promise<void> => {
    const mine = [...working.values()]
    const kept =
      mine.length === 0
        ? new Set<string>()
        : await claims.renew(
            mine.map(({ job }) => job),
            leaseMs,
          )
    for (const { job, abort } of mine) if (!kept.has(job.id)) abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
    for (const job of await claims.lost()) {
      const durationMs = Math.max(0, Date.now() - (job.lastRunAt?.getTime() ?? Date.now()))
      if (await claims.end(job, { status: 'interrupted', error: 'interrupted', durationMs }))
        log.warn({ jobId: job.id, tenantId: job.tenantId }, 'a job was lost with its process')
    }
  }

  /** Until the next tick, or sooner when there is a place or a job. */
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, tickMs)
      wakeUp = () => {
        if (failing) return
        clearTimeout(timer)
        resolve()
      }
      if (woken) wakeUp()
    })

  const loop = async (): Promise<void> => {
    while (!isLeaving) {
      woken = false
      try {
        while (await begin());
        failing = false
      } catch (err) {
        if (!failing) log.warn({ err }, 'due jobs cannot be looked for, they wait')
        failing = true
      }
      if (!isLeaving) await pause()
    }
  }

  return {
    wake,
    lameDuck: () => {
      isLeaving = true
    },
    part: {
      name,
      start: async () => {
        running = loop()
        renewing = setInterval(() => {
          renew().catch((err: unknown) => log.warn({ err }, 'claims of jobs were not renewed'))
        }, leaseMs / 3).unref()
      },
      stop: async () => {
        isLeaving = true
        failing = false
        wake()
        await running
        await Promise.race([Promise.all(working.keys()), sleep(drainMs, undefined, { ref: false })])
        for (const { abort } of working.values()) abort.abort(new MeshError('UNAVAILABLE', 'error.shutting_down'))
        await Promise.all(working.keys())
        clearInterval(renewing)
      },
    },
  }
}
