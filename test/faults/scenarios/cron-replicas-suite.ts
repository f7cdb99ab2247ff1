/** What has to hold when a replica dies among jobs that are all due. */
import { ruleName } from '../../support/rule.ts'
import { runCronReplicas } from './cron-replicas.ts'

export const cronReplicaTests = (count: number): void => {
  it(ruleName('cron.create.beginsOnce', `${count} jobs in one second, while one of three replicas dies`), async () => {
    const { begunOf, loggedOf, jobs, shares, inFlight } = await runCronReplicas(count)
    expect(begunOf.size).toBe(count)
    const notOnce = [...begunOf].filter(([, times]) => times !== 1)
    expect(notOnce).toEqual([])
    expect([...loggedOf].filter(([, statuses]) => statuses.length !== 1)).toEqual([])
    expect(shares.every((share) => share > 0)).toBe(true)

    // Only what the dead replica was at is interrupted; all else is done, and everything goes on in an hour.
    const interrupted = jobs.filter(({ lastStatus }) => lastStatus === 'interrupted').map(({ id }) => id)
    expect(interrupted.sort()).toEqual(inFlight.sort())
    expect(inFlight.length).toBeGreaterThan(0)
    expect(jobs.filter(({ lastStatus }) => lastStatus === 'ok').length).toBe(count - inFlight.length)
    expect(jobs.filter(({ waitsMs }) => waitsMs < 3_000_000 || waitsMs > 3_600_000)).toEqual([])
  })
}
