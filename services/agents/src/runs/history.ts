/** Makes stored messages fit for a model: pruned, no loose ends between tool calls and results, and within the window. */
import { sha256Hex } from '@clawmesh/chassis'
import type { NewMessage } from '../sessions/types.ts'
import { charsPerToken, type ContextSettings } from './context-settings.ts'
import { prune } from './prune.ts'
import { storedChars, sumOf } from './sizes.ts'

/** The rest of the window is for what estimates miss. */
const usableShare = 0.9

/** An id that a later turn uses again is renamed, always alike. */
const renamed = (id: string, turn: number): string => `call_${sha256Hex(`${turn} ${id}`).slice(0, 35)}`

/**
 * Drops results without a call and empty answers, answers calls without a result, and tells calls of the same id apart:
 * providers refuse all of these.
 */
export const mendToolTurns = (messages: readonly NewMessage[]): NewMessage[] => {
  const mended: NewMessage[] = []
  const taken = new Set<string>()
  /** Calls that wait for their result, by the id that they had, with the one they have now. */
  let open = new Map<string, string>()
  const answerOpenCalls = () => {
    for (const toolCallId of open.values())
      mended.push({
        role: 'tool',
        content: '[no result: the turn was interrupted]',
        extra: { toolCallId, isError: true },
      })
    open = new Map()
  }
  for (const [place, message] of messages.entries()) {
    const { extra } = message
    if (message.role === 'tool') {
      const id = extra?.toolCallId ?? ''
      const toolCallId = open.get(id)
      if (toolCallId === undefined) continue
      open.delete(id)
      mended.push(toolCallId === id ? message : { ...message, extra: { ...extra, toolCallId } })
      continue
    }
    answerOpenCalls()
    const calls = extra?.toolCalls ?? []
    // A silent answer. Providers refuse a message that says nothing.
    if (message.role === 'assistant' && message.content === '' && calls.length === 0) continue
    const toolCalls = calls.flatMap((call) => {
      // Twice in one turn: the second cannot be told from the first.
      if (open.has(call.id)) return []
      const id = taken.has(call.id) ? renamed(call.id, place) : call.id
      taken.add(id)
      open.set(call.id, id)
      return [id === call.id ? call : { ...call, id }]
    })
    const isSame = toolCalls.length === calls.length && toolCalls.every((call, index) => call === calls[index])
    if (isSame) mended.push(message)
    else {
      // The provider's own record of the turn names the calls as they were.
      const { providerState: _, ...rest } = extra!
      mended.push({ ...message, extra: { ...rest, toolCalls } })
    }
  }
  answerOpenCalls()
  return mended
}

/** Where each turn begins: turns go as wholes. */
const turnPlaces = (messages: readonly NewMessage[]): number[] =>
  messages.flatMap(({ role }, place) => (place === 0 || role === 'user' ? [place] : []))

interface Fitted {
  messages: NewMessage[]
  /** Whether no turn had to be left out. */
  isWhole: boolean
}

/**
 * Prunes, then leaves out the oldest turns until the rest takes no more of the window than it may. What is left out here is
 * not lost: it is still to be summarised.
 * @param reservedChars what the window must hold besides: prompt, summary, the message itself
 * @param isAsked whether the last turn is what the model is asked about, so that it stays
 */
export const fitHistory = (
  messages: readonly NewMessage[],
  settings: ContextSettings,
  reservedChars: number,
  isAsked = false,
): Fitted => {
  const { windowTokens, budgetTokens } = settings
  const spaceChars = Math.min(budgetTokens, windowTokens * usableShare - reservedChars / charsPerToken) * charsPerToken
  const kept = prune(messages, settings, storedChars)
  let size = sumOf(kept, storedChars)
  let begin = 0
  for (const next of [...turnPlaces(kept).slice(1), kept.length]) {
    if (size <= spaceChars || (isAsked && next === kept.length)) break
    size -= sumOf(kept.slice(begin, next), storedChars)
    begin = next
  }
  return { messages: mendToolTurns(kept.slice(begin)), isWhole: begin === 0 }
}
