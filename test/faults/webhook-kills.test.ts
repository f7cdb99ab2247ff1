import { webhookKills } from './scenarios/webhook-kills.ts'

const rounds = 60

test(
  `${rounds} kills between an event and its delivery lose none, and repeats have the id of the first`,
  async () => {
    expect(await webhookKills(rounds, console.info)).toEqual({ kills: rounds, events: 3 * rounds, lost: 0, doubled: 0 })
  },
  30 * 60_000,
)
