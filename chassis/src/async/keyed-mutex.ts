/** Runs `work` after everything that was asked for under `key` before. */
export type KeyedMutex = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** One piece of work at a time for each key, within this process; keys do not wait for each other. */
export const createKeyedMutex = (): KeyedMutex => {
  const tails = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const previous = tails.get(key)
    const mine = previous ? previous.then(work, work) : work()
    tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (tails.get(key) === mine) tails.delete(key)
    }
  }
}
