/** Keeps the cache of vectors from growing for ever. */
import type { Logger, Part } from '@clawmesh/chassis'
import type { MemoryStore } from '../store/store.ts'

const everyMs = 6 * 3_600_000

/** Forgets old vectors now and every six hours. */
export const cachePruner = (store: MemoryStore, days: number, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const prune = async (): Promise<void> => {
    try {
      const gone = await store.pruneVectorCache(days)
      if (gone > 0) log.info({ gone }, 'forgot old vectors')
    } catch (err) {
      log.warn({ err }, 'old vectors could not be forgotten')
    }
  }

  return {
    name: 'memory vector cache',
    start: async () => {
      running = prune()
      timer = setInterval(() => {
        running = prune()
      }, everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
