/** Start in order, stop in the reverse order, tell the truth about readiness in between. */
import type { Logger } from '../log/logger.ts'

export interface Part {
  name: string
  start?: () => Promise<void>
  /** Ends the part; errors are logged and the next part is stopped all the same. */
  stop?: () => Promise<void>
  /** Whether the part could serve a request now. */
  ready?: () => boolean | Promise<boolean>
  /**
   * Whether the part is away although requests can be served without it. Told beside readiness and no reason to be taken
   * out of service: what is away is away for every replica alike.
   */
  degraded?: () => boolean
}

export interface Lifecycle {
  start: () => Promise<void>
  stop: () => Promise<void>
  /** Names of the parts that are not ready; empty means ready. */
  unready: () => Promise<string[]>
  /** Names of the parts that are away and can be done without. */
  away: () => string[]
  /** Turns unready for good, as the first step of leaving. */
  leave: () => void
}

/** A life cycle over parts; what was started last is stopped first. */
export const createLifecycle = (parts: readonly Part[], log: Logger): Lifecycle => {
  const started: Part[] = []
  let phase: 'starting' | 'running' | 'leaving' = 'starting'
  let stopping: Promise<void> | undefined

  const stopAll = async () => {
    phase = 'leaving'
    for (const part of started.reverse()) {
      try {
        await part.stop?.()
      } catch (err) {
        log.error({ err, part: part.name }, 'stopping failed')
      }
    }
  }

  return {
    start: async () => {
      for (const part of parts) {
        started.push(part)
        await part.start?.()
      }
      if (phase === 'starting') phase = 'running'
    },
    stop: () => (stopping ??= stopAll()),
    unready: async () => {
      if (phase !== 'running') return [phase]
      const states = await Promise.all(
        parts.map(async ({ name, ready }) => ((await ready?.()) === false ? name : undefined)),
      )
      return states.filter((name) => name !== undefined)
    },
    away: () => parts.filter(({ degraded }) => degraded?.() === true).map(({ name }) => name),
    leave: () => {
      phase = 'leaving'
    },
  }
}
