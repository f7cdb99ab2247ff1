/**
 * A stored conversation made fit for the protocol and vendor it goes to, whatever wrote it: another vendor's model, an
 * older release, a client. Every vendor refuses a whole request for one id, name or order it does not take, and would
 * then refuse that conversation for ever.
 */
import { sha256Hex } from '@clawmesh/chassis'
import type { ChatMessage, ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { checkRoles, isSystem, partsOf, textOfMessage, userMessage, withoutTrailingAssistant } from './conversation.ts'
import { isObject, parseJson, wellFormed, type Json } from './json.ts'
import { wireName } from './tool-names.ts'

/** How a vendor wants the ids of tool calls. */
export interface IdRule {
  valid: RegExp
  /** An id made of a SHA-256 in hexadecimal. */
  make: (digest: string) => string
}

const prefixed = (digest: string): string => `call_${digest.slice(0, 35)}`
const base36 = (digest: string): string => BigInt(`0x${digest}`).toString(36).slice(-9).padStart(9, '0')

export const idRules = {
  /** Whatever can be printed, at most 40 characters: some models read the ids that they gave. */
  openai: { valid: /^[\x21-\x7e]{1,40}$/, make: prefixed },
  anthropic: { valid: /^[a-zA-Z0-9_-]{1,64}$/, make: prefixed },
  mistral: { valid: /^[a-zA-Z0-9]{9}$/, make: base36 },
} as const satisfies Record<string, IdRule>

export interface ReplayRules {
  ids: IdRule
  /** Longest tool name, characters. */
  nameLimit: number
}

/** A tool call as it is sent. `source` is the call as it was stored. */
export interface WireCall {
  source: ToolCall
  id: string
  name: string
  input: Json
}

export type Turn =
  | { role: 'system'; text: string }
  | { role: 'user'; message: ChatMessage }
  | { role: 'assistant'; message: ChatMessage; calls: WireCall[] }
  | { role: 'tool'; message: ChatMessage; id: string }

/**
 * Gives ids to calls. The first call of an id keeps it where the rule allows; others get one made of its hash and of
 * how often the id came before, the same in every request. No two calls share one.
 */
const createIds = (calls: readonly ToolCall[], { valid, make }: IdRule): ((id: string) => string) => {
  const taken = new Set(calls.map(({ id }) => id).filter((id) => valid.test(id)))
  const uses = new Map<string, number>()
  return (id) => {
    const before = uses.get(id) ?? 0
    uses.set(id, before + 1)
    if (before === 0 && valid.test(id)) return id
    const text = before === 0 ? id : `${id}#${before}`
    let made = make(sha256Hex(text))
    for (let again = 1; taken.has(made); again++) made = make(sha256Hex(`${text}#${again}`))
    taken.add(made)
    return made
  }
}

const inputOf = ({ argumentsJson }: ToolCall): Json => {
  const value = parseJson(argumentsJson)
  return isObject(value) ? (wellFormed(value) as Json) : {}
}

const unanswered = 'This call was not carried out.'

const missingResult = (id: string): Turn => ({
  role: 'tool',
  message: { ...userMessage([]), role: 'tool', content: unanswered, isError: true },
  id,
})

/** A result whose call is not there any more: what it says is kept, as text. */
const orphanResult = (message: ChatMessage): Turn[] => {
  const parts = partsOf(message)
  return parts.length === 0 ? [] : [{ role: 'user', message: userMessage([{ text: 'A tool answered:' }, ...parts]) }]
}

const isAnswerless = (message: ChatMessage): boolean =>
  message.toolCalls.length === 0 && textOfMessage(message).trim() === ''

/** The results among messages by the id they name, in order. */
const resultsById = (messages: readonly ChatMessage[]): Map<string, ChatMessage[]> =>
  Map.groupBy(
    messages.filter(({ role }) => role === 'tool'),
    ({ toolCallId }) => toolCallId,
  )

/** An assistant's turn, the results of its calls in their order right behind it, then what else was said. */
const assistantTurns = (message: ChatMessage, after: readonly ChatMessage[], calls: WireCall[]): Turn[] => {
  const results = resultsById(after)
  const answers = calls.map(({ source, id }): Turn => {
    const result = results.get(source.id)?.shift()
    return result === undefined ? missingResult(id) : { role: 'tool', message: result, id }
  })
  const left = new Set([...results.values()].flat())
  return [
    ...(isAnswerless(message) ? [] : [{ role: 'assistant', message, calls } as const]),
    ...answers,
    ...otherTurns(after, left),
  ]
}

/** Messages that are no assistant's: users, and results among `orphans`. */
const otherTurns = (messages: readonly ChatMessage[], orphans: ReadonlySet<ChatMessage>): Turn[] =>
  messages.flatMap((message): Turn[] => {
    if (message.role === 'tool') return orphans.has(message) ? orphanResult(message) : []
    return partsOf(message).length === 0 ? [] : [{ role: 'user', message }]
  })

/**
 * The turns of a conversation as they can be sent: system texts first, no empty message, every call with a valid id and
 * name and exactly one result right after its turn, no result without its call, no assistant at the end.
 * @throws INVALID_REQUEST for an unknown role
 */
export const replayed = (messages: readonly ChatMessage[], { ids, nameLimit }: ReplayRules): Turn[] => {
  checkRoles(messages)
  const system = messages.filter(isSystem).map(textOfMessage)
  const talk = withoutTrailingAssistant(messages.filter((message) => !isSystem(message)))
  const idOf = createIds(
    talk.flatMap(({ toolCalls }) => toolCalls),
    ids,
  )
  const turns: Turn[] = system.filter((text) => text.trim() !== '').map((text) => ({ role: 'system', text }))
  let at = 0
  const until = (): ChatMessage[] => {
    const from = at
    while (at < talk.length && talk[at]!.role !== 'assistant') at++
    return talk.slice(from, at)
  }
  const before = until()
  turns.push(...otherTurns(before, new Set(before)))
  while (at < talk.length) {
    const message = talk[at++]!
    const calls = message.toolCalls.map((source) => ({
      source,
      id: idOf(source.id),
      name: wireName(source.name.trim(), nameLimit),
      input: inputOf(source),
    }))
    turns.push(...assistantTurns(message, until(), calls))
  }
  return turns
}
