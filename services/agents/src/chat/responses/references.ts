/** Items of earlier responses by their ids, as what is stored of a turn has them. */
import { runOfCallId } from '../../runs/client-calls.ts'
import type { NewMessage } from '../../sessions/types.ts'
import type { ForeignMessage, ForeignReference } from '../foreign-request.ts'
import { unknownItem } from '../references.ts'

const idPattern = /^(?:msg|fc)-([0-9a-f]{8})-(\d{1,4})$/

/** What the items of a turn's response say, in the order in which `createGrowingOutput` numbers them. */
const itemsOfTurn = (runId: string, turn: readonly NewMessage[]): ForeignMessage[] => {
  const items: ForeignMessage[] = []
  let text = ''
  const close = () => {
    if (text !== '') items.push({ role: 'assistant', content: [{ text }], toolCalls: [] })
    text = ''
  }
  for (const { role, content, extra } of turn) {
    if (role !== 'assistant') continue
    text += content
    const calls = extra?.toolCalls ?? []
    if (calls.length > 0) close()
    for (const call of calls)
      if (runOfCallId(call.id) === runId) items.push({ role: 'assistant', content: [], toolCalls: [call] })
  }
  close()
  return items
}

/** What an `item_reference` stands for. @throws NOT_FOUND for what is no id of an item */
export const referenceTo = (id: string): ForeignReference => {
  const [, runIdPrefix, at] = idPattern.exec(id) ?? []
  if (runIdPrefix === undefined) throw unknownItem(id)
  const isCall = id.startsWith('fc')
  return {
    role: 'reference',
    id,
    runIdPrefix,
    find: (runId, turn) => {
      const item = itemsOfTurn(runId, turn)[Number(at)]
      return item?.role === 'assistant' && item.toolCalls.length > 0 === isCall ? item : undefined
    },
  }
}
