import { setTimeout as sleep } from 'node:timers/promises'
import { createBatcher } from '../src/index.ts'

describe('the batcher', () => {
  it('sends a lone call at once and gathers what comes while it runs', async () => {
    const batches: number[][] = []
    const double = createBatcher(
      async (numbers: readonly number[]) => {
        batches.push([...numbers])
        await sleep(5)
        return numbers.map((number) => number * 2)
      },
      { maxBatch: 3, concurrency: 1 },
    )
    expect(await Promise.all([1, 2, 3, 4, 5].map(double))).toEqual([2, 4, 6, 8, 10])
    expect(batches).toEqual([[1], [2, 3, 4], [5]])
  })

  it('lets a bad input fail alone', async () => {
    const half = createBatcher(
      async (numbers: readonly number[]) => {
        await sleep(1)
        if (numbers.includes(3)) throw new Error('three')
        return numbers
      },
      { maxBatch: 10, concurrency: 1 },
    )
    const results = await Promise.allSettled([1, 2, 3, 4].map(half))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })
})
