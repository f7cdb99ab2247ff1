/** Makes stored messages fit for a model: no loose ends between tool calls and results, and within the window. */
import { cutText, cutTextStart } from '@clawmesh/chassis'
import type { NewMessage } from '../sessions/types.ts'

/** Rough, and on the safe side for most scripts. */
const charsPerToken = 4
const historyShare = 0.85
const toolResultKept = 3_000

const sizeOf = ({ content, extra }: NewMessage): number =>
  content.length + (extra?.toolCalls === undefined ? 0 : JSON.stringify(extra.toolCalls).length)

/** Drops results without a call and empty answers, and answers calls without a result: providers refuse all three. */
export const mendToolTurns = (messages: readonly NewMessage[]): NewMessage[] => {
  const mended: NewMessage[] = []
  let open = new Set<string>()
  const answerOpenCalls = () => {
    for (const toolCallId of open)
      mended.push({
        role: 'tool',
        content: '[no result: the turn was interrupted]',
        extra: { toolCallId, isError: true },
      })
    open = new Set()
  }
  for (const message of messages) {
    if (message.role === 'tool') {
      if (open.delete(message.extra?.toolCallId ?? '')) mended.push(message)
      continue
    }
    answerOpenCalls()
    // A silent answer. Providers refuse a message that says nothing.
    if (message.role === 'assistant' && message.content === '' && !message.extra?.toolCalls?.length) continue
    mended.push(message)
    open = new Set(message.extra?.toolCalls?.map(({ id }) => id))
  }
  answerOpenCalls()
  return mended
}

const shortened = (text: string): string =>
  `${cutText(text, toolResultKept / 2)}\n[... ${text.length - toolResultKept} characters left out ...]\n${cutTextStart(text, toolResultKept / 2)}`

/** Shortens old tool results, then forgets the oldest turns, until the rest takes at most 85 % of the window. */
export const fitHistory = (messages: readonly NewMessage[], contextWindowTokens: number): NewMessage[] => {
  const space = contextWindowTokens * charsPerToken * historyShare
  let size = messages.reduce((sum, message) => sum + sizeOf(message), 0)
  let kept = [...messages]
  if (size > space) {
    kept = kept.map((message) =>
      message.role === 'tool' && message.content.length > toolResultKept
        ? { ...message, content: shortened(message.content) }
        : message,
    )
    size = kept.reduce((sum, message) => sum + sizeOf(message), 0)
  }
  while (size > space && kept.length > 0) {
    // A turn goes as a whole: up to the next user message.
    const next = kept.findIndex(({ role }, index) => index > 0 && role === 'user')
    const gone = kept.splice(0, next === -1 ? kept.length : next)
    size -= gone.reduce((sum, message) => sum + sizeOf(message), 0)
  }
  return mendToolTurns(kept)
}
