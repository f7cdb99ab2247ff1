/**
 * Keeps what the model is shown in one turn within its window: old tool results are pruned when it fills, and once a turn
 * everything but the newest messages becomes a summary (docs: the numbers are those of `context-settings.ts`).
 */
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import type { Logger } from '@clawmesh/chassis'
import { charsPerToken, mostOverheadTokens, type ContextSettings } from './context-settings.ts'
import type { ModelAnswer } from './model-call.ts'
import { textMessage } from './model-messages.ts'
import { prune } from './prune.ts'
import { sentChars, sumOf } from './sizes.ts'
import { summaryHeading, summaryText } from './summary-messages.ts'

const pruneShare = 0.7
const keptShare = 0.3
const fewestMessages = 6
const leftOut = '[Older messages were left out to make room. Ask, or look things up, where you miss something.]'

type Ask = (messages: ChatMessage[]) => Promise<ModelAnswer>

export interface TurnContext {
  /**
   * Asks the model with messages for which room is made where it is needed, before or after the provider finds them too
   * long. Gives them back as they were sent: the turn goes on from those.
   */
  ask: (messages: readonly ChatMessage[], ask: Ask) => Promise<{ done: ModelAnswer; messages: ChatMessage[] }>
  /** What the conversation takes of the window, tokens, as last known. */
  historyTokens: (messages: readonly ChatMessage[]) => number
}

interface Parts {
  settings: ContextSettings
  log: Logger
  /** Of messages that are about to go. @throws what keeps the model from it */
  summarise: (messages: readonly ChatMessage[]) => Promise<string>
  /** Says that the conversation is being summarised. */
  announce: () => void
}

/** Whether a provider refused a call because it was too long. */
const isTooLong = (thrown: unknown): boolean =>
  thrown instanceof MeshError &&
  thrown.code === 'INVALID_REQUEST' &&
  /context_length_exceeded|maximum context length|prompt is too long|context window/i.test(thrown.message)

/** For work that stays small by itself. */
export const unbounded: TurnContext = {
  historyTokens: () => 0,
  ask: async (messages, ask) => ({ done: await ask([...messages]), messages: [...messages] }),
}

const charsOf = (messages: readonly ChatMessage[]): number =>
  sumOf(
    messages.filter(({ role }) => role !== 'system'),
    sentChars,
  )

/** Where the messages that stay begin: never between a call and its result. */
const cutAt = (messages: readonly ChatMessage[], kept: number): number => {
  let cut = messages.length - kept
  while (cut > 0 && messages[cut]?.role === 'tool') cut--
  return cut
}

export const createTurnContext = ({ settings, log, summarise, announce }: Parts): TurnContext => {
  const { windowTokens, budgetTokens, compaction } = settings
  /** What a provider has counted last, less prompt and tools, and the characters that it was for. */
  let known: { tokens: number; chars: number } | undefined
  let overheadTokens: number | undefined
  let hasCompacted = false
  let wasRefused = false

  const historyTokens = (messages: readonly ChatMessage[]): number => {
    const chars = charsOf(messages)
    return known === undefined
      ? chars / charsPerToken
      : Math.max(0, known.tokens + (chars - known.chars) / charsPerToken)
  }

  const pruned = ([system, ...rest]: readonly ChatMessage[]): ChatMessage[] => [
    system!,
    ...prune(rest, settings, sentChars),
  ]

  /** @param summary of the messages that go; @param request the turn's own message, where it is among them */
  const replaced = (kept: readonly ChatMessage[], summary: string, request: ChatMessage | undefined): ChatMessage[] => {
    const text = textMessage('user', summaryText(summary, request?.content))
    const shown = request === undefined ? [] : request.parts.filter(({ part }) => part?.$case !== 'text')
    const first: ChatMessage =
      shown.length === 0 ? text : { ...text, parts: [{ part: { $case: 'text', value: text.content } }, ...shown] }
    return kept[0]?.role === 'user'
      ? [first, { ...textMessage('user', 'I go on from there.'), role: 'assistant' }, ...kept]
      : [first, ...kept]
  }

  const compact = async (
    [system, ...rest]: readonly ChatMessage[],
    whenUnable: string | undefined,
  ): Promise<ChatMessage[] | undefined> => {
    const cut = cutAt(rest, Math.max(compaction.keepLastMessages, Math.ceil(rest.length * keptShare)))
    if (cut < 2) return undefined
    announce()
    const summary = await summarise(rest.slice(0, cut)).catch((err: unknown) => {
      log.warn({ err }, 'a conversation could not be summarised in the middle of a turn')
      return whenUnable
    })
    if (summary === undefined) return undefined
    const asked = rest.findLastIndex(({ role, content }) => role === 'user' && !content.startsWith(summaryHeading))
    return [system!, ...replaced(rest.slice(cut), summary, asked < cut ? rest[asked] : undefined)]
  }

  const fit = async (messages: readonly ChatMessage[]): Promise<ChatMessage[]> => {
    const kept = historyTokens(messages) >= budgetTokens * pruneShare ? pruned(messages) : [...messages]
    if (hasCompacted || historyTokens(kept) < budgetTokens || kept.length - 1 < fewestMessages) return kept
    hasCompacted = true
    return (await compact(kept, undefined)) ?? kept
  }

  /** Messages to try again with; undefined when there is nothing left to do. */
  const shorter = async (messages: readonly ChatMessage[]): Promise<ChatMessage[] | undefined> => {
    if (wasRefused) return undefined
    wasRefused = true
    const kept = pruned(messages)
    return (await compact(kept, leftOut)) ?? (charsOf(kept) < charsOf(messages) ? kept : undefined)
  }

  const count = (inputTokens: number, messages: readonly ChatMessage[]): void => {
    if (inputTokens === 0) return
    const chars = charsOf(messages)
    overheadTokens ??= Math.min(Math.max(0, inputTokens - chars / charsPerToken), mostOverheadTokens(windowTokens))
    known = { tokens: Math.max(0, inputTokens - overheadTokens), chars }
  }

  return {
    historyTokens,
    ask: async (given, ask) => {
      let messages = await fit(given)
      const done = await ask(messages).catch(async (thrown: unknown) => {
        const again = isTooLong(thrown) ? await shorter(messages) : undefined
        if (again === undefined) throw thrown
        messages = again
        return ask(messages)
      })
      count(done.usage?.inputTokens ?? 0, messages)
      return { done, messages }
    },
  }
}
