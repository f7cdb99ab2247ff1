/** How a replica shares its places among the tenants whose jobs are due. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@clawmesh/chassis'
import { createScheduler, type Claims } from '../src/cron/scheduler.ts'
import type { ClaimedJob, CronOutcome } from '../src/cron/types.ts'
import { aborted } from '../../../test/support/aborted.ts'

const log = createLogger({ level: 'silent', name: 'test' })

/** Jobs that are due, and what a replica with four places has of them once it takes no more. */
const heldOf = async (due: readonly string[], endFirst = 0): Promise<Record<string, number>> => {
  const waiting = due.map((tenantId, at) => ({ id: String(at), tenantId, claim: 'c' }) as ClaimedJob)
  const held: Record<string, number> = {}
  const claims: Claims<ClaimedJob, CronOutcome> = {
    take: async ({ limit, exceptTenants }) => {
      const fitting = waiting.filter(({ tenantId }) => !exceptTenants.includes(tenantId)).slice(0, limit)
      for (const job of fitting) waiting.splice(waiting.indexOf(job), 1)
      return fitting
    },
    begin: async () => true,
    renew: async (jobs) => new Set(jobs.map(({ id }) => id)),
    lost: async () => [],
    end: async () => true,
  }
  let ended = 0
  const { part } = createScheduler<ClaimedJob, CronOutcome>({
    name: 'cron',
    claims,
    perform: async ({ tenantId }, signal) => {
      held[tenantId] = (held[tenantId] ?? 0) + 1
      // The first are over at once; the others go on until the replica leaves.
      if (ended++ >= endFirst) await aborted(signal)
      else held[tenantId]--
      return { status: 'ok', durationMs: 0 }
    },
    log,
    places: 4,
    tickMs: 5,
    leaseMs: 10_000,
    drainMs: 0,
  })
  await part.start!()
  await sleep(100)
  const result = { ...held }
  await part.stop!()
  return result
}

test('half of the places is the most that one tenant gets', async () => {
  expect(await heldOf(['a', 'a', 'a', 'a', 'a'])).toEqual({ a: 2 })
  expect(await heldOf(['a', 'a', 'a', 'b', 'c', 'c'])).toEqual({ a: 2, b: 1, c: 1 })
})

test('a tenant that has a place already gets no more than what is left of its half', async () => {
  expect(await heldOf(['a', 'a', 'a', 'a', 'a', 'a'], 1)).toEqual({ a: 2 })
})
