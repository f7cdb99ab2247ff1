/** Notices an agent that keeps doing the same thing, or only looks and never acts. */
import { createHash } from 'node:crypto'

export type LoopAdvice = 'go on' | 'warn' | 'stop'

export interface LoopDetector {
  /** Takes note of a finished tool call and says what to do about the repetition, if there is one. */
  seen: (tool: string, argumentsJson: string, result: string) => LoopAdvice
}

/** Calls that are remembered. */
const remembered = 30
const sameCall = { warn: 3, stop: 5 }
const sameResult = { warn: 4, stop: 6 }
/** Calls in a row that change nothing: few different ones are a circle, many are a search. */
const circling = { warn: 8, stop: 12 }
const searching = { warn: 24, stop: 36 }
const circleShare = 0.6

/** These change something, so an agent that calls them gets on. */
const mutating = /^(?:write_file|edit|spawn|message|create_\w{1,60}|tts|cron|publish_skill|sessions_send)$/
/** Nobody knows whether these change something. */
const neutral = /^(?:exec|mcp_\w{1,100}|\w{1,60}__\w{1,100})$/

interface Seen {
  tool: string
  call: string
  result: string
}

const digest = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('base64')

const adviceOf = (count: number, { warn, stop }: { warn: number; stop: number }): LoopAdvice =>
  count >= stop ? 'stop' : count >= warn ? 'warn' : 'go on'

const severity: readonly LoopAdvice[] = ['go on', 'warn', 'stop']
const worst = (advices: readonly LoopAdvice[]): LoopAdvice =>
  severity[Math.max(...advices.map((advice) => severity.indexOf(advice)))]!

export const createLoopDetector = (): LoopDetector => {
  let last: Seen[] = []
  /** Calls since something was changed. */
  let streak: string[] = []

  const ofStreak = (): LoopAdvice => {
    const isCircle = new Set(streak).size / streak.length <= circleShare
    return adviceOf(streak.length, isCircle ? circling : searching)
  }

  return {
    seen: (tool, argumentsJson, result) => {
      const now: Seen = { tool, call: digest(tool, argumentsJson), result: digest(tool, result) }
      last = [...last, now].slice(-remembered)
      const alike = last.filter((each) => each.result === now.result)
      const repeated = alike.filter(({ call }) => call === now.call).length
      if (mutating.test(tool)) {
        streak = []
        return adviceOf(repeated, sameCall)
      }
      const isNeutral = neutral.test(tool)
      if (!isNeutral) streak.push(now.call)
      const differing = new Set(alike.map(({ call }) => call)).size > 1 ? alike.length : 0
      return worst([adviceOf(repeated, sameCall), adviceOf(differing, sameResult), isNeutral ? 'go on' : ofStreak()])
    },
  }
}
