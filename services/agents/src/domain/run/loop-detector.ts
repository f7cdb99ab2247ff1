/** Notices an agent that keeps doing the same thing. */
import { createHash } from 'node:crypto'

const warnAt = 3
const stopAt = 5

export interface LoopDetector {
  /** Takes note of a finished tool call and says what to do about the repetition, if there is one. */
  seen: (tool: string, argumentsJson: string, result: string) => 'go on' | 'warn' | 'stop'
}

/** Counts identical calls with identical results: at the third it warns, at the fifth it stops the tools. */
export const createLoopDetector = (): LoopDetector => {
  const counts = new Map<string, number>()
  return {
    seen: (tool, argumentsJson, result) => {
      const key = createHash('sha256').update(`${tool}\0${argumentsJson}\0${result}`).digest('base64')
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return count >= stopAt ? 'stop' : count >= warnAt ? 'warn' : 'go on'
    },
  }
}
