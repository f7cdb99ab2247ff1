/**
 * A function that does the same work once for all who ask while it is busy: the first call begins at once, those that come
 * meanwhile share the next one. Work begins after everybody who gets its result has asked, so nobody is told what was read
 * before.
 * @param keyOf names the work: calls of the same name share
 */
export const shareNext = <I, T>(
  keyOf: (input: I) => string,
  work: (input: I) => Promise<T>,
): ((input: I) => Promise<T>) => {
  const running = new Map<string, Promise<void>>()
  const next = new Map<string, Promise<T>>()

  const begin = (key: string, input: I): Promise<T> => {
    const begun = work(input)
    const end = (): void => {
      if (running.get(key) === over) running.delete(key)
    }
    const over: Promise<void> = begun.then(end, end)
    running.set(key, over)
    return begun
  }

  return (input) => {
    const key = keyOf(input)
    const before = running.get(key)
    if (before === undefined) return begin(key, input)
    const shared =
      next.get(key) ??
      before.then(() => {
        next.delete(key)
        return begin(key, input)
      })
    next.set(key, shared)
    return shared
  }
}
