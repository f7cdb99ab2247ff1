/**
 * What was said without a program that keeps its conversation itself: by another provider, on another replica, or before it
 * was there.
 */
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { cutTextStart, sha256Hex } from '@clawmesh/chassis'
import { isSystem, textOfMessage } from '../chat/protocols/conversation.ts'
import type { Json } from '../chat/protocols/json.ts'

/** Of what was said before, at most. */
const earlierChars = 200_000

/** What the user said before the last message, and as the last. */
export const lastSaid = (messages: readonly ChatMessage[]): [ChatMessage | undefined, ChatMessage | undefined] => {
  const said = messages.filter(({ role }) => role === 'user')
  return [said.at(-2), said.at(-1)]
}

/** By which a message is known again, however long it is. */
export const markOf = (message: ChatMessage): string => sha256Hex(textOfMessage(message).trim())

/**
 * What was said before the last message and after the answer to what a program has heard last; all of it for a program that
 * has heard nothing, or nothing that is known any more.
 * @param heard mark of what the program was asked last
 */
export const earlierOf = (messages: readonly ChatMessage[], heard?: string): string => {
  const isUsers = ({ role }: ChatMessage) => role === 'user'
  const before = messages.slice(0, Math.max(messages.findLastIndex(isUsers), 0))
  const known = heard === undefined ? -1 : before.findLastIndex((each) => isUsers(each) && markOf(each) === heard)
  // Its own answer stands right behind what it has heard.
  const next = known === -1 ? 0 : before.findIndex((each, at) => at > known && isUsers(each))
  const missed = next === -1 ? [] : before.slice(next)
  const said = missed.flatMap((message) => {
    const text = isSystem(message) ? '' : textOfMessage(message).trim()
    return text === '' ? [] : [`${message.role}: ${text}`]
  })
  return said.length === 0 ? '' : `Earlier in this conversation:\n\n${cutTextStart(said.join('\n\n'), earlierChars)}`
}

/** Texts as blocks of what a program is asked, before what the user says. */
export const textBlocks = (texts: readonly string[]): Json[] =>
  texts.filter((text) => text !== '').map((text) => ({ type: 'text', text: `${text}\n\n` }))
