/** How much may be under way at a time, by a key. */
import { MeshError } from '@clawmesh/contracts'

/** Runs work while fewer than `most` of its key are under way. @throws RESOURCE_EXHAUSTED where there are as many */
export const createPlaces = (most: number) => {
  const taken = new Map<string, number>()
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = taken.get(key) ?? 0
    if (before >= most) throw new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit', {}, { retryAfterMs: 1_000 })
    taken.set(key, before + 1)
    try {
      return await work()
    } finally {
      const left = taken.get(key)! - 1
      if (left === 0) taken.delete(key)
      else taken.set(key, left)
    }
  }
}
