/** Shortens old tool results, so that a conversation fits its window for longer. What people said stays as it is. */
import { cutText, cutTextStart } from '@clawmesh/chassis'
import { charsPerToken, type ContextSettings, type PruningSettings } from './context-settings.ts'

/** A single tool result takes no more of the window than this. */
const largestResultShare = 0.3
const headShare = 0.7
const lookedAtEnd = 500
const defaultPlaceholder = '[An old tool result was cleared to make room.]'
const tellingEnd =
  /\b(?:error|errors|exception|failed|failure|fatal|traceback|panic|exit code|total|summary|result|conclusion|passed)\b/i

/** What of a message is looked at and changed; stored and sent messages both have it. */
interface Prunable {
  readonly role: string
  readonly content: string
}

const shortened = (text: string, head: number, tail: number): string =>
  text.length <= head + tail
    ? text
    : `${cutText(text, head)}\n[... ${text.length - head - tail} characters left out ...]\n${cutTextStart(text, tail)}`

/** Keeps 70 % of the room for the beginning. */
const shortenedTo = (text: string, chars: number): string => {
  const head = Math.floor(chars * headShare)
  return shortened(text, head, chars - head)
}

const trimmed = (text: string, { maxChars, headChars, tailChars }: PruningSettings['softTrim']): string => {
  if (text.length <= maxChars || text.length <= headChars + tailChars) return text
  // An end that says how it came out is no place for the middle cut.
  return tellingEnd.test(text.slice(-lookedAtEnd))
    ? shortenedTo(text, headChars + tailChars)
    : shortened(text, headChars, tailChars)
}

/** Places of the tool results that may be touched: after the first user message, before the last few answers. */
const prunablePlaces = (messages: readonly Prunable[], keepLastAssistants: number): number[] => {
  const first = messages.findIndex(({ role }) => role === 'user')
  const answers = messages.flatMap(({ role }, place) => (role === 'assistant' ? [place] : []))
  const end = keepLastAssistants === 0 ? messages.length : (answers.at(-keepLastAssistants) ?? 0)
  return messages.flatMap(({ role }, place) =>
    role === 'tool' && first !== -1 && place > first && place < end ? [place] : [],
  )
}

/**
 * Prunes a conversation. Nothing but contents of tool results changes, so calls and results stay pairs.
 * @param sizeOf characters of a message
 */
export const prune = <M extends Prunable>(
  messages: readonly M[],
  { windowTokens, pruning }: Pick<ContextSettings, 'windowTokens' | 'pruning'>,
  sizeOf: (message: M) => number,
): M[] => {
  const kept = [...messages]
  if (pruning.mode === 'off') return kept
  const windowChars = windowTokens * charsPerToken
  let total = kept.reduce((sum, message) => sum + sizeOf(message), 0)
  const put = (place: number, content: string): void => {
    total += content.length - kept[place]!.content.length
    kept[place] = { ...kept[place]!, content }
  }
  const places = prunablePlaces(kept, pruning.keepLastAssistants)

  const largest = Math.floor(windowChars * largestResultShare)
  for (const place of places)
    if (kept[place]!.content.length > largest) put(place, shortenedTo(kept[place]!.content, largest))
  if (total < windowChars * pruning.softTrimRatio) return kept

  for (const place of places) put(place, trimmed(kept[place]!.content, pruning.softTrim))
  const clearAt = windowChars * pruning.hardClearRatio
  const prunableChars = places.reduce((sum, place) => sum + kept[place]!.content.length, 0)
  if (!pruning.hardClear.enabled || total < clearAt || prunableChars < pruning.minPrunableToolChars) return kept

  const placeholder = pruning.hardClear.placeholder || defaultPlaceholder
  for (const place of places) {
    if (total < clearAt) break
    if (kept[place]!.content.length > placeholder.length) put(place, placeholder)
  }
  return kept
}
