/** Live events of a run for whoever watches. Text is gathered for a moment, so that a fast model does not flood the bus. */
import { runSubject, type RunEvent } from '@clawmesh/contracts'
import type { Bus } from '@clawmesh/chassis'

const gatherMs = 40
/** Events of all runs that come within this time leave together. */
const publishEveryMs = 5
const argumentChars = 500
const resultChars = 1_000

type Base = Pick<RunEvent, 'runId' | 'agentId' | 'agentKey' | 'sessionKey' | 'userId' | 'channel'>
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
export type LiveEvent = Without<RunEvent, keyof Base>

export interface LiveEvents {
  text: (kind: 'chunk' | 'thinking', delta: string) => void
  send: (event: LiveEvent) => void
}

/** Arguments of a tool call with long texts cut; none when they are no JSON object. */
export const shownArguments = (argumentsJson: string): Record<string, unknown> => {
  const shorten = (_key: string, value: unknown) => (typeof value === 'string' ? value.slice(0, argumentChars) : value)
  try {
    const value: unknown = JSON.parse(argumentsJson, shorten)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}

const trimmed = (event: LiveEvent): LiveEvent => {
  if (event.type === 'tool.result') return { ...event, result: event.result.slice(0, resultChars) }
  return event
}

export type Signal = Bus['signal']

/** Publishes over a bus, what comes within a moment together: each packet by itself would cost more than its event. */
export const createGatheringSignal = (bus: Pick<Bus, 'signal'>): Signal => {
  let held: Parameters<Signal>[] = []
  const flush = () => {
    const leaving = held
    held = []
    for (const [subject, message] of leaving) bus.signal(subject, message)
  }
  return (subject, message) => {
    if (held.length === 0) setTimeout(flush, publishEveryMs)
    held.push([subject, message])
  }
}

/** Publishes a run's events on its own subject, in order. */
export const createLiveEvents = (signal: Signal, tenantId: string, base: Base): LiveEvents => {
  const subject = runSubject(tenantId, base.runId)
  let kind: 'chunk' | 'thinking' = 'chunk'
  let gathered = ''
  let timer: NodeJS.Timeout | undefined

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (gathered !== '') signal(subject, { type: kind, content: gathered, ...base })
    gathered = ''
  }

  return {
    text: (nextKind, delta) => {
      if (nextKind !== kind) flush()
      kind = nextKind
      gathered += delta
      timer ??= setTimeout(flush, gatherMs)
    },
    send: (event) => {
      flush()
      signal(subject, { ...trimmed(event), ...base })
    },
  }
}
