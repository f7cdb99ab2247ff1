import { startStallWorld, stallInputs, type StallWorld } from './scenarios/stalls.ts'

/** Of processor time: a machine that does nothing else has it as long on the clock. */
const limitMs = 250
const limitRssMib = 2_048

let world: StallWorld
beforeAll(async () => {
  world = await startStallWorld()
}, 900_000)
afterAll(() => world?.stop())

test.each(Object.entries(stallInputs))(
  '%s makes nobody wait',
  async (name, input) => {
    const { busyMs, healthBusyMs, healthMs, rssMib, statuses } = await world.run(input)
    console.error(
      `${name}: busy ${busyMs.toFixed(0)} ms, /health ${healthBusyMs.toFixed(0)} ms (on the clock ${healthMs.toFixed(0)} ms), ${rssMib.toFixed(0)} MiB, ${statuses.join(' ')}`,
    )
    expect(statuses).toEqual(statuses.map(() => input.status))
    expect(busyMs).toBeLessThan(limitMs)
    expect(healthBusyMs).toBeLessThan(limitMs)
    expect(rssMib).toBeLessThan(limitRssMib)
  },
  300_000,
)
