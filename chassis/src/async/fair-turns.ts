/** Runs `work` when it is its key's turn. */
export type FairTurns = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** So many pieces of work at a time; keys take turns, so that who asks for much waits behind itself alone. */
export const createFairTurns = (places = 1): FairTurns => {
  /** In the order in which their turn comes; a key with nothing that waits is not in it. */
  const waiting = new Map<string, (() => void)[]>()
  let free = places

  const next = (): void => {
    const [first] = waiting
    if (first === undefined) {
      free++
      return
    }
    const [key, queue] = first
    const enter = queue.shift()!
    // To the end of the line.
    waiting.delete(key)
    if (queue.length > 0) waiting.set(key, queue)
    enter()
  }

  return async (key, work) => {
    if (free > 0) free--
    else
      await new Promise<void>((enter) => {
        const queue = waiting.get(key) ?? []
        queue.push(enter)
        waiting.set(key, queue)
      })
    try {
      return await work()
    } finally {
      next()
    }
  }
}
