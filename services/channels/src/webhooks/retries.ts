/** When a delivery that failed is tried again, and when a webhook is given up. */

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** After each failed attempt but the last: twelve attempts in a little over three days. */
export const pausesMs: readonly number[] = [
  5_000,
  30_000,
  2 * minute,
  10 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
]
export const longestAskedMs = day
/** A webhook that only fails for so long is switched off. */
export const givenUpAfterMs = 5 * day

/**
 * The pause after a failed attempt, spread by a tenth, so that what failed together does not come together again.
 * @param failed attempts so far, this one included
 * @returns undefined when it was the last one
 */
export const pauseAfter = (
  failed: number,
  askedMs: number,
  { pauses = pausesMs, random = Math.random }: { pauses?: readonly number[]; random?: () => number } = {},
): number | undefined => {
  const pause = pauses[failed - 1]
  if (pause === undefined) return undefined
  return Math.max(pause * (0.9 + 0.2 * random()), Math.min(askedMs, longestAskedMs))
}
