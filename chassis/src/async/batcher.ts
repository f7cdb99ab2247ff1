/**
 * Gathers calls into batches by itself: the first goes at once, those that come while it runs make the next. Under load
 * one statement then serves many callers; alone a caller waits for nobody.
 */
import { setTimeout as sleep } from 'node:timers/promises'

interface Waiting<I, O> {
  input: I
  resolve: (output: O) => void
  reject: (error: unknown) => void
}

export interface BatcherOptions {
  /** Inputs of one batch, at most. */
  maxBatch: number
  /** Batches that run at the same time. */
  concurrency: number
  /** How long a batch waits for more, milliseconds, asked before each; default 0, so that nobody waits for others. */
  gatherMs?: () => number
}

/**
 * A function of one input over a function of many. `run` gives the outputs in the order of its inputs. When a batch
 * fails, its inputs are tried one by one, so that a bad one fails alone.
 */
export const createBatcher = <I, O>(
  run: (inputs: readonly I[]) => Promise<readonly O[]>,
  { maxBatch, concurrency, gatherMs = () => 0 }: BatcherOptions,
): ((input: I) => Promise<O>) => {
  const queue: Waiting<I, O>[] = []
  let running = 0

  const single = async ({ input, resolve, reject }: Waiting<I, O>): Promise<void> => {
    try {
      const [output] = await run([input])
      resolve(output as O)
    } catch (error) {
      reject(error)
    }
  }

  const work = async (): Promise<void> => {
    running++
    while (queue.length > 0) {
      const waitMs = queue.length < maxBatch ? gatherMs() : 0
      if (waitMs > 0) await sleep(waitMs)
      const batch = queue.splice(0, maxBatch)
      // Another batch has taken them meanwhile.
      if (batch.length === 0) break
      try {
        const outputs = await run(batch.map(({ input }) => input))
        batch.forEach(({ resolve }, index) => resolve(outputs[index] as O))
      } catch (error) {
        if (batch.length === 1) batch[0]!.reject(error)
        else await Promise.all(batch.map(single))
      }
    }
    running--
  }

  return (input) =>
    new Promise<O>((resolve, reject) => {
      queue.push({ input, resolve, reject })
      if (running < concurrency) void work()
    })
}
