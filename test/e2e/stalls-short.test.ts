/** The short form of test/faults/stalls.test.ts: nothing hangs, whatever else the machine does. */
import { startStallWorld, stallInputs, type StallWorld } from '../faults/scenarios/stalls.ts'

/** Processor time of one turn of the event loop that only a function beyond linear time uses up. */
const hangMs = 2_000

let world: StallWorld
beforeAll(async () => {
  world = await startStallWorld()
}, 300_000)
afterAll(() => world?.stop())

test.each(Object.entries(stallInputs).filter(([name]) => !/9 MB|40 heavy/.test(name)))(
  '%s stops nobody',
  async (_name, input) => {
    const { busyMs, statuses } = await world.run(input)
    expect(statuses).toEqual(statuses.map(() => input.status))
    expect(busyMs).toBeLessThan(hangMs)
  },
  120_000,
)
