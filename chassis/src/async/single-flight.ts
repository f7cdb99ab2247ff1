/**
 * A function that does its work once however many ask at the same time, and hands out the result for `keepMs` after.
 * A failure is handed to those who waited for it and not kept.
 */
export const singleFlight = <T>(work: () => Promise<T>, keepMs = 0): (() => Promise<T>) => {
  let current: Promise<T> | undefined
  let keptUntil = 0

  const begin = (): Promise<T> => {
    keptUntil = Infinity
    const begun = work().then(
      (result) => {
        keptUntil = Date.now() + keepMs
        return result
      },
      (thrown: unknown) => {
        keptUntil = 0
        throw thrown
      },
    )
    return begun
  }

  return () => {
    if (current === undefined || Date.now() >= keptUntil) current = begin()
    return current
  }
}
