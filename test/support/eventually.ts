/** Waits of tests for what comes a moment later. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hangLimitMs } from './limits.ts'

/**
 * Looks until there is something to see, and returns it.
 *
 * @throws Error naming what is missing after `limitMs`
 */
export const eventually = async <T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = hangLimitMs,
): Promise<T> => {
  const deadline = Date.now() + limitMs
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(pauseMs)
  }
}

/** Waits until something holds. @throws Error with its source when it does not come to hold */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  await eventually(holds.toString(), holds)
}
