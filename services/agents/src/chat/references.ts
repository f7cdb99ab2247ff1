/** Messages of earlier turns that a conversation only names. */
import { cutText } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { NewMessage } from '../sessions/types.ts'
import type { ForeignMessage, ForeignReference } from './foreign-request.ts'

/** Earlier turns that one conversation may name. */
const mostTurns = 100

interface StoredTurn {
  runId: string
  messages: readonly NewMessage[]
}

/** The error of an item that is not there. */
export const unknownItem = (id: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'item', id: cutText(id, 100) })

/** Calls that follow what an assistant said are of one turn with it. */
const joined = (messages: readonly ForeignMessage[]): ForeignMessage[] => {
  const all: ForeignMessage[] = []
  for (const message of messages) {
    const last = all.at(-1)
    if (message.role === 'assistant' && message.toolCalls.length > 0 && last?.role === 'assistant')
      all[all.length - 1] = {
        ...last,
        content: [...last.content, ...message.content],
        toolCalls: [...last.toolCalls, ...message.toolCalls],
      }
    else all.push(message)
  }
  return all
}

/**
 * A conversation with the messages that its references stand for. `turnOf` gives a turn of the caller by the beginning of
 * its run's id.
 * @throws NOT_FOUND for what is not stored, or not the caller's; INVALID_REQUEST for references to too many turns
 */
export const resolved = async (
  messages: readonly (ForeignMessage | ForeignReference)[],
  turnOf: (runIdPrefix: string) => Promise<StoredTurn | undefined>,
): Promise<readonly ForeignMessage[]> => {
  const prefixes = new Set(messages.flatMap((message) => (message.role === 'reference' ? [message.runIdPrefix] : [])))
  if (prefixes.size > mostTurns)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'input',
      reason: 'items of too many responses',
    })
  const turns = new Map<string, StoredTurn | undefined>()
  for (const prefix of prefixes) turns.set(prefix, await turnOf(prefix))
  const found = messages.map((message): ForeignMessage => {
    if (message.role !== 'reference') return message
    const turn = turns.get(message.runIdPrefix)
    const meant = turn && message.find(turn.runId, turn.messages)
    if (meant === undefined) throw unknownItem(message.id)
    return meant
  })
  return prefixes.size === 0 ? found : joined(found)
}
