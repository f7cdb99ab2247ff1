/** Patience with a server, in milliseconds. */

export class TookTooLong extends Error {}

/** What work comes to, where it does so in time; else it is left behind. @throws TookTooLong */
export const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new TookTooLong(`no answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

/** The pieces, each of which has so long to come; what whoever takes them does meanwhile does not count. @throws TookTooLong */
export const eachWithin = async function* <T>(ms: number, pieces: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = pieces[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await within(ms, iterator.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // One that hangs is not waited for at its end either.
    void iterator.return?.().catch(() => undefined)
  }
}
