import type { Logger, Part } from '@clawmesh/chassis'

const sweepMs = 2_000

/** Ends, now and then, what processes asked that have gone silent: on every replica, as theirs may be the one that is gone. */
export const swept = (name: string, sweep: () => Promise<void>, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  return {
    name,
    start: async () => {
      timer = setInterval(() => {
        sweep().catch((err: unknown) => log.warn({ err, part: name }, 'what nobody waits for could not be ended'))
      }, sweepMs).unref()
    },
    stop: async () => clearInterval(timer),
  }
}
