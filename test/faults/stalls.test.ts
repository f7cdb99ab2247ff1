import { startStallWorld, stallInputs, type StallWorld } from './scenarios/stalls.ts'

const limitMs = 250
const limitRssMib = 2_048

let world: StallWorld
beforeAll(async () => {
  world = await startStallWorld()
  // Code that never ran is slow the first time, whatever it is given.
  for (const input of Object.values(stallInputs)) await world.run(input)
}, 900_000)
afterAll(() => world?.stop())

test.each(Object.entries(stallInputs))(
  '%s makes nobody wait',
  async (name, input) => {
    const { busyMs, healthMs, noiseMs, rssMib, statuses } = await world.run(input)
    console.error(
      `${name}: busy ${busyMs.toFixed(0)} ms, /health ${healthMs.toFixed(0)} ms (machine ${noiseMs.toFixed(0)} ms), ${rssMib.toFixed(0)} MiB, ${statuses.join(' ')}`,
    )
    for (const status of statuses) expect(status).toBeLessThan(500)
    expect(busyMs).toBeLessThan(limitMs)
    expect(healthMs - noiseMs).toBeLessThan(limitMs)
    expect(rssMib).toBeLessThan(limitRssMib)
  },
  300_000,
)
