import { roundsOr } from '../support/rounds.ts'
import { webhookKills } from './scenarios/webhook-kills.ts'

const rounds = roundsOr(60)

test(
  `${rounds} kills between an event and its delivery lose none, and repeats have the id of the first`,
  async () => {
    const outcome = await webhookKills(rounds, console.info)
    console.info(outcome)
    expect(outcome).toMatchObject({ kills: rounds, events: 3 * rounds, lost: 0, doubled: 0, unsigned: 0 })
    // Else a process at rest was killed.
    expect(outcome.killsOnTheWay).toBeGreaterThan(0)
  },
  Math.max(30 * 60_000, rounds * 10_000),
)
