/** The tests over lost runs, for the long suite and its short form. */
import { meshStartLimitMs, startMesh, type Mesh } from '../../support/mesh-processes.ts'
import { deliveredRuns, loseRun, type LostRun, type Moment } from './lost-runs.ts'

interface Plan {
  /** Kills at each moment. */
  rounds: number
  env: Readonly<Record<string, string>>
  moments: readonly Moment[]
  /** How soon a lost run must be known as failed; undefined says nothing of it. */
  failedWithinMs?: number
}

/** What the session of a lost run holds after its next turn. */
const rolesAfter: Record<Moment, string[]> = {
  'while the model is silent': ['user', 'user', 'assistant'],
  'after a tool call': ['user', 'assistant', 'tool', 'user', 'assistant'],
  'in the middle of a stream': ['user', 'user', 'assistant'],
}

export const lostRunTests = ({ rounds, env, moments, failedWithinMs = Infinity }: Plan): void => {
  let mesh: Mesh
  const lost: LostRun[] = []

  beforeAll(async () => {
    mesh = await startMesh({ gateways: 2, agents: 2, pinned: true, together: true, env })
  }, meshStartLimitMs)
  afterAll(() => mesh?.stop())

  describe.each(moments)('an agents process that is killed %s', (moment) => {
    test(
      'leaves a run that another replica marks as failed, and a session that goes on',
      async () => {
        for (let round = 0; round < rounds; round++) {
          const run = await loseRun(mesh, moment)
          lost.push(run)
          expect(run.failedAfterMs).toBeLessThan(failedWithinMs)
          expect(run.usableAfterMs).toBeLessThan(failedWithinMs)
          // Never an answer that looks whole.
          expect(run.client).toBe(moment === 'in the middle of a stream' ? 'cut' : 503)
          expect(run.upstreamReleased).toBe(true)
          expect(run.traces.map(({ status }) => status).sort()).toEqual(['completed', 'error'])
          expect(run.messages.map(({ role }) => role)).toEqual(rolesAfter[moment])
          expect(run.messages.at(-1)!.content).toBe('You said: two')
        }
      },
      rounds * 300_000,
    )
  })

  test('every run is told of exactly once, as failed or completed', async () => {
    const { finished, leftInOutbox } = await deliveredRuns(mesh)
    expect(leftInOutbox).toBe(0)
    expect(finished.size).toBe(2 * lost.length)
    for (const { eventIds, statuses } of finished.values())
      expect({ events: eventIds.size, statuses: statuses.size }).toEqual({ events: 1, statuses: 1 })
    const failed = [...finished.values()].filter(({ statuses }) => statuses.has('failed'))
    expect(failed).toHaveLength(lost.length)
    const times = lost.map(({ failedAfterMs }) => Math.round(failedAfterMs))
    console.log(`runs marked as failed after ${times.join(', ')} ms`)
  })
}
