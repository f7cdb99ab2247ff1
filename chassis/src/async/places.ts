/** How much may be under way at a time, by a key such as a tenant. What is beyond is refused; a semaphore has it wait. */

/** Takes one of the `most` places of a key: what leaves it again, undefined where all are taken. */
export const createPlaces = (most: number): ((key: string) => (() => void) | undefined) => {
  const taken = new Map<string, number>()
  return (key) => {
    const before = taken.get(key) ?? 0
    if (before >= most) return undefined
    taken.set(key, before + 1)
    return () => {
      const left = taken.get(key)! - 1
      if (left === 0) taken.delete(key)
      else taken.set(key, left)
    }
  }
}
