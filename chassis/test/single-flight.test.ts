import { setTimeout as sleep } from 'node:timers/promises'
import { singleFlight } from '../src/async/single-flight.ts'

describe('single flight', () => {
  it('is done once for all who ask meanwhile, and again for who asks later', async () => {
    let runs = 0
    const ask = singleFlight(async () => {
      await sleep(20)
      return ++runs
    })
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1])
    expect(await ask()).toBe(2)
  })

  it('is kept for a while when told so', async () => {
    let runs = 0
    const ask = singleFlight(async () => ++runs, 50)
    expect([await ask(), await ask()]).toEqual([1, 1])
    await sleep(60)
    expect(await ask()).toBe(2)
  })

  it('that failed is not kept', async () => {
    let runs = 0
    const ask = singleFlight(async () => {
      if (++runs === 1) throw new Error('first')
      return runs
    }, 1_000)
    await expect(ask()).rejects.toThrow('first')
    expect(await ask()).toBe(2)
  })
})
