/** One at a time for a key: two edits of one file in the same turn must not lose each other. */
const tails = new Map<string, Promise<unknown>>()

/** Runs `work` after everything asked for under `key` before, in this process. */
export const serially = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
  const previous = tails.get(key)
  const mine = previous ? previous.then(work, work) : work()
  tails.set(key, mine)
  try {
    return await mine
  } finally {
    if (tails.get(key) === mine) tails.delete(key)
  }
}
