/** Works on the jobs of a feature, several at a time. What fails is tried again after growing pauses, then it is dead. */
import { MeshError } from '@clawmesh/contracts'
import { serviceCaller, type Call } from '../call.ts'
import type { RemoteService } from '../config.ts'
import { reasonOf, framesOf } from '../events/failure.ts'
import type { Part } from '../lifecycle/lifecycle.ts'
import type { Mesh } from '../mesh.ts'
import { deadJobs, jobAttempts, jobSeconds, waitingJobs } from './metrics.ts'
import type { JobAgain } from './define.ts'
import type { JobImplementation } from './queue.ts'
import type { ClaimedJob } from './rows.ts'

const pollMs = 2_000
const tidyMs = 60_000
/** A claim outlasts its attempt by this, so that what is aborted can still say so. */
const claimGraceMs = 30_000
const longestRetryMs = 300_000

type Outcome = 'done' | 'again' | 'failed' | 'dead' | 'handed back'

export const createJobWorker = (
  { config, log: meshLog }: Pick<Mesh, 'config' | 'log'>,
  service: RemoteService,
  { table, handlers, rows, places: given, onAdded }: JobImplementation,
): Part => {
  const log = meshLog.child({ service, part: 'jobs' })
  const names = Object.keys(table)
  const claimMs = Object.fromEntries(names.map((name) => [name, table[name]!.timeoutMs + claimGraceMs]))
  const { jobConcurrency, jobRetryMs: retryMs, deadJobsMax: maxDead } = config
  const places = given?.all ?? jobConcurrency
  const mostOfTenant = given?.tenant ?? Math.max(1, Math.ceil(places / 2))
  const stopping = new AbortController()
  const working = new Map<Promise<void>, ClaimedJob>()
  let wake = () => {}
  let woken = false
  let failing = false
  let tidiedAtMs = -tidyMs
  let running: Promise<void> = Promise.resolve()

  const wakeUp = () => {
    woken = true
    wake()
  }
  const pauseAfter = (attempts: number, thrown: unknown): number => {
    const asked = thrown instanceof MeshError ? (thrown.retryAfterMs ?? 0) : 0
    return Math.min(Math.max(retryMs * 4 ** (attempts - 1), asked), longestRetryMs)
  }

  const settle = async (job: ClaimedJob, thrown: unknown): Promise<Outcome> => {
    const { id, claim, name, tenantId, attempts } = job
    const reason = reasonOf(thrown)
    if (stopping.signal.aborted) {
      await rows.retry(id, claim, reason, 0, false)
      return 'handed back'
    }
    const about = { job: name, jobId: id, tenantId, attempts, reason }
    if (attempts < table[name]!.attempts) {
      log.warn({ ...about, at: framesOf(thrown) }, 'a job failed, it is tried again')
      await rows.retry(id, claim, reason, pauseAfter(attempts, thrown))
      return 'failed'
    }
    log.error({ ...about, at: framesOf(thrown) }, 'a job failed too often and is kept with the dead jobs')
    await rows.bury(id, claim, reason, maxDead)
    return 'dead'
  }

  const attempt = async (job: ClaimedJob): Promise<JobAgain | void> => {
    const { id, tenantId, name, attempts } = job
    const { data, timeoutMs, attempts: most } = table[name]!
    // A job that ends its process each time would never be told to have failed.
    if (attempts > most) throw new Error('its process ended while it was worked on')
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)])
    const call: Call = { caller: serviceCaller(tenantId), requestId: id, signal }
    const work = handlers[name]!({
      tenantId,
      data: data.parse(job.data),
      call,
      attempt: attempts,
      isLast: attempts >= most,
    })
    // A handler that does not listen to the signal must not hold its place for ever.
    let abandon = () => {}
    const abandoned = new Promise<never>((_, reject) => {
      abandon = () => reject(new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: name }))
      signal.addEventListener('abort', abandon, { once: true })
    })
    return Promise.race([work, abandoned]).finally(() => signal.removeEventListener('abort', abandon))
  }

  const perform = async (job: ClaimedJob): Promise<void> => {
    const labels = { service, job: job.name }
    const stopClock = jobSeconds.startTimer(labels)
    try {
      let outcome: Outcome = 'done'
      try {
        const again = await attempt(job)
        if (again !== undefined) {
          outcome = 'again'
          await rows.retry(job.id, job.claim, again.reason, again.afterMs, false)
        }
      } catch (thrown) {
        outcome = await settle(job, thrown)
      }
      if (outcome === 'done') await rows.finish(job.id, job.claim)
      jobAttempts.inc({ ...labels, outcome })
    } catch (thrown) {
      // Its claim runs out, and it is begun again.
      log.warn({ job: job.name, jobId: job.id, reason: reasonOf(thrown) }, 'the end of a job could not be stored')
    } finally {
      stopClock()
    }
  }

  /**
   * How many places a tenant may have: one tenant's flood leaves some to the others, and the more tenants are at work the
   * fewer each has, so that there is one left for the next.
   */
  const share = (tenants: number): number =>
    given === undefined ? mostOfTenant : Math.max(1, Math.min(mostOfTenant, Math.floor(places / (tenants + 2))))

  /** Begins what can be begun; whether there may be more. */
  const begin = async (): Promise<boolean> => {
    const held = Map.groupBy(working.values(), ({ tenantId }) => tenantId)
    const ofTenant = share(held.size)
    const limit = Math.min(places - working.size, ofTenant)
    if (limit <= 0) return false
    const exceptTenants = [...held].flatMap(([tenantId, jobs]) => (jobs.length >= ofTenant ? [tenantId] : []))
    const claimed = await rows.claim({ claimMs, exceptTenants, limit })
    for (const job of claimed) {
      const work: Promise<void> = perform(job).finally(() => {
        working.delete(work)
        wakeUp()
      })
      working.set(work, job)
    }
    return claimed.length === limit
  }

  const tidy = async (): Promise<void> => {
    if (performance.now() - tidiedAtMs < tidyMs) return
    tidiedAtMs = performance.now()
    await rows.prune()
    const counts = new Map((await rows.count()).map((count) => [count.name, count]))
    for (const name of names) {
      waitingJobs.set({ service, job: name }, counts.get(name)?.waiting ?? 0)
      deadJobs.set({ service, job: name }, counts.get(name)?.dead ?? 0)
    }
  }

  /** Until a job was added or ended, or the next poll; while failing only until the poll. */
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      if (failing && !stopping.signal.aborted) return
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (woken) wake()
    })

  const loop = async () => {
    while (!stopping.signal.aborted) {
      woken = false
      try {
        while (await begin());
        await tidy()
        failing = false
      } catch (thrown) {
        if (!failing) log.warn({ reason: reasonOf(thrown) }, 'jobs cannot be looked for, they wait')
        failing = true
      }
      if (!stopping.signal.aborted) await pause()
    }
  }

  onAdded(wakeUp)
  return {
    name: `${service} jobs`,
    start: async () => {
      running = loop()
    },
    /** What is being worked on is aborted and handed back to the other replicas. */
    stop: async () => {
      stopping.abort(new MeshError('UNAVAILABLE', 'error.shutting_down'))
      failing = false
      wakeUp()
      await running
      await Promise.all(working.keys())
      for (const job of names) {
        waitingJobs.remove({ service, job })
        deadJobs.remove({ service, job })
      }
    },
  }
}
