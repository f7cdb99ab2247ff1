import { roundsOr } from '../support/rounds.ts'
import { outboxKills } from './scenarios/outbox-kills.ts'

const rounds = roundsOr(200)

test(
  `${rounds} kills between commit and publish lose no event, and none takes effect twice`,
  async () => {
    const outcome = await outboxKills(rounds)
    console.info(outcome)
    expect(outcome).toEqual({
      kills: rounds,
      // Each fifth round is killed before its commit; the last process is not killed.
      facts: 5 * (rounds - Math.ceil(rounds / 5) + 1),
      lost: 0,
      doubled: 0,
      invented: 0,
      leftInOutbox: 0,
    })
  },
  Math.max(30 * 60_000, rounds * 10_000),
)
