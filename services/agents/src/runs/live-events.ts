/** Live events of a run for whoever watches. Text is gathered for a moment, so that a fast model does not flood the bus. */
import type { Delivery } from '../sessions/delivery.ts'
import type { RunEvent } from '@clawmesh/contracts'
import { createLinkStream, cutText, isJsonDeeperThan, redactDeep, redactSecrets } from '@clawmesh/chassis'

const gatherMs = 40
const argumentChars = 500
const resultChars = 1_000

type Base = Pick<RunEvent, 'runId' | 'agentId' | 'agentKey' | 'sessionKey' | 'userId' | 'channel'>
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type LiveEvent = Without<RunEvent, keyof Base | 'seq'>

export interface LiveEvents {
  text: (kind: 'chunk' | 'thinking', delta: string) => void
  send: (event: LiveEvent) => void
  /** Resolves when all events so far were published. */
  settled: () => Promise<void>
}

interface LiveEventOptions {
  /** Signs links; that of a delta waits for its end, which may come in a later one. */
  delivery?: Pick<Delivery, 'text' | 'files' | 'sign'>
  /** Is shown every event before it is published. */
  record?: (event: RunEvent) => void
  /** Keeps a text of the answer where it outlives the process; it is published after that. */
  keep?: (text: string) => Promise<void>
}

/** A text as watchers may see it: without credentials, and cut. What lies beyond twice the cut is not looked at. */
const shownText = (text: string, chars: number): string =>
  cutText(redactSecrets(cutText(text, 2 * chars + 4_000)), chars).toWellFormed()

/**
 * Arguments of a tool call without credentials and with long texts cut; none when they are no JSON object, or one
 * nested too deep.
 */
export const shownArguments = (argumentsJson: string): Record<string, unknown> => {
  if (isJsonDeeperThan(argumentsJson)) return {}
  try {
    const value: unknown = JSON.parse(argumentsJson)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
    return redactDeep(value, (text) => shownText(text, argumentChars)) as Record<string, unknown>
  } catch {
    return {}
  }
}

const trimmed = (event: LiveEvent): LiveEvent => {
  if (event.type === 'tool.result') return { ...event, result: shownText(event.result, resultChars) }
  return event
}

const delivered = (event: LiveEvent, delivery: LiveEventOptions['delivery']): LiveEvent => {
  if (delivery === undefined) return event
  if (event.type === 'block.reply') return { ...event, content: delivery.text(event.content) }
  if (event.type !== 'run.completed') return event
  const { content, media } = event
  return {
    ...event,
    content: delivery.text(content),
    ...(media === undefined ? {} : { media: delivery.files(media) }),
  }
}

/** Publishes a run's events, in order and numbered. */
export const createLiveEvents = (
  publishEvent: (event: RunEvent) => void,
  base: Base,
  { delivery, record, keep }: LiveEventOptions = {},
): LiveEvents => {
  let kind: 'chunk' | 'thinking' = 'chunk'
  let gathered = ''
  let timer: NodeJS.Timeout | undefined
  let seq = 0
  let published: Promise<void> = Promise.resolve()

  const publish = (event: LiveEvent) => {
    const numbered: RunEvent = { ...event, ...base, seq: ++seq }
    record?.(numbered)
    publishEvent(numbered)
  }
  /** @param text what of the answer is to be kept before it is published: without signatures */
  const emit = (event: LiveEvent | undefined, text = '') => {
    const shown = () => event && publish(event)
    if (keep === undefined) return shown()
    const kept = text === '' ? undefined : keep(text)
    published = published.then(() => kept).then(shown)
  }
  const links = delivery && createLinkStream(delivery.sign)
  const chunk = (content: string): LiveEvent | undefined => (content === '' ? undefined : { type: 'chunk', content })
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const text = gathered
    gathered = ''
    if (text === '') return
    if (kind === 'chunk') emit(chunk(links?.push(text) ?? text), text)
    else emit({ type: kind, content: text })
  }
  /** What comes next is no text of the answer: no link goes on behind it. */
  const endText = () => {
    flush()
    const rest = links?.end() ?? ''
    if (rest !== '') emit(chunk(rest))
  }

  return {
    text: (nextKind, delta) => {
      if (nextKind !== kind) endText()
      kind = nextKind
      gathered += delta
      timer ??= setTimeout(flush, gatherMs)
    },
    send: (event) => {
      endText()
      emit(delivered(trimmed(event), delivery))
    },
    settled: () => published,
  }
}
