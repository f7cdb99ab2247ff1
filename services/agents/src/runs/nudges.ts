/** Words to the model alone, when a turn gets long: shown at the end of a call, and stored nowhere. */

import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

const wrapUpShare = 0.75

interface Progress {
  iteration: number
  most: number
  /** Whether the run has said anything to its reader yet. */
  hasSpoken: boolean
}

/** What the model is told before an iteration; nothing mostly. */
export const nudgeOf = ({ iteration, most, hasSpoken }: Progress): string | undefined => {
  if (most < 4) return undefined
  if (iteration === most)
    return '[This is the last step of this turn, and there are no tools in it: answer now with what you have.]'
  if (iteration === Math.ceil(most * wrapUpShare) && !hasSpoken)
    return `[${iteration} of ${most} steps of this turn are used and nothing was said yet. Finish what is necessary, then answer.]`
  return undefined
}

/** The messages with what the model is told now: behind what its tools said last, as no vendor takes it elsewhere. */
export const nudged = (messages: ChatMessage[], progress: Progress): ChatMessage[] => {
  const nudge = nudgeOf(progress)
  const last = messages.at(-1)
  if (nudge === undefined || last?.role !== 'tool') return messages
  return [...messages.slice(0, -1), { ...last, content: `${last.content}\n\n${nudge}` }]
}
