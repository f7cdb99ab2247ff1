/** The short form of test/faults/outbox-kills.test.ts. */
import { outboxKills } from '../faults/scenarios/outbox-kills.ts'

const rounds = 10

test(`${rounds} kills between commit and publish lose no event, and none takes effect twice`, async () => {
  const outcome = await outboxKills(rounds)
  expect(outcome).toEqual({
    kills: rounds,
    facts: 5 * (rounds - rounds / 5 + 1),
    lost: 0,
    doubled: 0,
    invented: 0,
    leftInOutbox: 0,
  })
})
