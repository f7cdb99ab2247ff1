/** Where another model goes on with an answer: what it says again of the beginning is left out. */

/** Longest text that is looked for twice at the seam, characters. */
const longestOverlap = 400
/** Shorter overlaps are chance. */
const shortestOverlap = 12

/** How much of the beginning of `text` repeats the end of `before`, characters. */
const overlapOf = (before: string, text: string): number => {
  for (let length = Math.min(longestOverlap, before.length, text.length); length >= shortestOverlap; length--)
    if (before.endsWith(text.slice(0, length))) return length
  return 0
}

interface Seam {
  /** Takes a piece, and gives what of it is new. */
  push: (piece: string) => string
  /** What was held back until the end. */
  end: () => string
}

/**
 * Joins a continuation to the text `before` it. A model that begins the answer anew is passed over until it is where the
 * text broke off; one that repeats the last words, over those.
 */
export const createSeam = (before: string): Seam => {
  let held = ''
  let joined = before === ''
  /** Whether all that is held is the beginning of the answer, said again. */
  let repeatsAll = true
  const join = (): string => {
    joined = true
    if (held.startsWith(before)) return held.slice(before.length)
    return held.slice(overlapOf(before, held))
  }
  return {
    push: (piece) => {
      if (joined) return piece
      repeatsAll &&= before.startsWith(piece, held.length)
      held += piece
      // As long as these may still be the last words, said again.
      const mayOverlap = held.length < Math.min(longestOverlap, before.length) && isWithin(before, held)
      return repeatsAll || mayOverlap ? '' : join()
    },
    end: () => {
      if (joined) return ''
      // Began anew, and broke off before it was as far.
      if (repeatsAll && held.length >= shortestOverlap) return ''
      return join()
    },
  }
}

const isWithin = (before: string, held: string): boolean => before.slice(-longestOverlap).includes(held)
