/**
 * Gathers calls into batches by itself: the first goes at once, those that come while it runs make the next. Under load
 * one statement then serves many callers; alone a caller waits for nobody.
 */

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
}

/**
 * A function of one input over a function of many. `run` gives the outputs in the order of its inputs. When a batch
 * fails, its inputs are tried one by one, so that a bad one fails alone.
 */
export const batcher = <I, O>(
  run: (inputs: readonly I[]) => Promise<readonly O[]>,
  { maxBatch, concurrency }: BatcherOptions,
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
      const batch = queue.splice(0, maxBatch)
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
