/** Keeps the cache of vectors from growing for ever. */
import type { Logger, Part } from '@clawmesh/chassis'

const everyMs = 6 * 3_600_000

/** Deletes old vectors now and every six hours; `prune` answers how many. */
export const cachePruner = (prune: () => Promise<number>, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const pruneNow = async (): Promise<void> => {
    try {
      const gone = await prune()
      if (gone > 0) log.info({ gone }, 'deleted old vectors')
    } catch (err) {
      log.warn({ err }, 'old vectors could not be deleted')
    }
  }

  return {
    name: 'memory vector cache',
    start: async () => {
      running = pruneNow()
      timer = setInterval(() => {
        running = pruneNow()
      }, everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
