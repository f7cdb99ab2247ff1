/** Keeps the cache of vectors from growing for ever. */
import { createRepeatedPart, type Logger, type Part } from '@clawmesh/chassis'

const everyMs = 6 * 3_600_000

/** Deletes old vectors now and every six hours; `prune` answers how many. */
export const cachePruner = (prune: () => Promise<number>, log: Logger): Part =>
  createRepeatedPart({
    name: 'memory vector cache',
    everyMs,
    work: async () => {
      const gone = await prune()
      if (gone > 0) log.info({ gone }, 'deleted old vectors')
    },
    failure: 'old vectors could not be deleted',
    log,
  })
