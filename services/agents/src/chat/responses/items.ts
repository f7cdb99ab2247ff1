/** The output of a response as it grows, and the events that tell of it. Source: OpenAI API reference, "Streaming events". */
import type { ToolCallPiece } from '../../runs/types.ts'

interface MessageItem {
  type: 'message'
  id: string
  status: 'in_progress' | 'completed' | 'incomplete'
  role: 'assistant'
  phase?: 'commentary' | 'final_answer'
  content: { type: 'output_text'; text: string; annotations: [] }[]
}

interface CallItem {
  type: 'function_call'
  id: string
  status: 'in_progress' | 'completed' | 'incomplete'
  call_id: string
  name: string
  arguments: string
}

export type OutputItem = MessageItem | CallItem

export interface ItemEvent {
  type: string
  [field: string]: unknown
}

const outputText = (text: string) => ({ type: 'output_text' as const, text, annotations: [] as [] })

export const messageItem = (id: string, text: string, more: Partial<MessageItem> = {}): MessageItem => ({
  type: 'message',
  id,
  status: 'completed',
  role: 'assistant',
  content: [outputText(text)],
  ...more,
})

export interface GrowingOutput {
  /** The items so far. */
  readonly items: readonly OutputItem[]
  text: (delta: string) => ItemEvent[]
  toolCall: (piece: ToolCallPiece) => ItemEvent[]
  /** Ends the message that is being written, if there is one: tools of the agent come next. */
  pause: () => ItemEvent[]
  /** Ends all that is open. */
  end: (isCut: boolean) => ItemEvent[]
}

/** Output of the run whose id begins with `tag`. */
export const createGrowingOutput = (tag: string): GrowingOutput => {
  const items: OutputItem[] = []
  let message: { item: MessageItem; at: number } | undefined
  /** Places of the calls that are being written, by their index. */
  const calls = new Map<number, number>()

  const add = (item: OutputItem): ItemEvent => {
    items.push(item)
    return { type: 'response.output_item.added', output_index: items.length - 1, item: structuredClone(item) }
  }
  const ended = (at: number): ItemEvent => ({
    type: 'response.output_item.done',
    output_index: at,
    item: structuredClone(items[at]!),
  })

  const openMessage = (): ItemEvent[] => {
    const at = items.length
    const item = messageItem(`msg-${tag}-${at}`, '', { status: 'in_progress', content: [] })
    const added = add(item)
    const part = outputText('')
    item.content.push(part)
    message = { item, at }
    return [
      added,
      {
        type: 'response.content_part.added',
        item_id: item.id,
        output_index: at,
        content_index: 0,
        part: { ...part },
      },
    ]
  }

  const closeMessage = (phase: MessageItem['phase'], isCut = false): ItemEvent[] => {
    if (message === undefined) return []
    const { item, at } = message
    message = undefined
    item.status = isCut ? 'incomplete' : 'completed'
    if (phase !== undefined) item.phase = phase
    const place = { item_id: item.id, output_index: at, content_index: 0 }
    const [part] = item.content
    return [
      { type: 'response.output_text.done', ...place, text: part!.text, logprobs: [] },
      { type: 'response.content_part.done', ...place, part: { ...part } },
      ended(at),
    ]
  }

  const closeCalls = (isCut: boolean): ItemEvent[] =>
    [...calls.values()].flatMap((at) => {
      const item = items[at] as CallItem
      item.status = isCut ? 'incomplete' : 'completed'
      const place = { item_id: item.id, output_index: at }
      return [
        { type: 'response.function_call_arguments.done', ...place, name: item.name, arguments: item.arguments },
        ended(at),
      ]
    })

  return {
    items,

    text: (delta) => {
      const opened = message === undefined ? openMessage() : []
      const { item, at } = message!
      item.content[0]!.text += delta
      const place = { item_id: item.id, output_index: at, content_index: 0 }
      return [...opened, { type: 'response.output_text.delta', ...place, delta, logprobs: [] }]
    },

    toolCall: ({ index, id, name, argumentsDelta }) => {
      const events: ItemEvent[] = []
      if (!calls.has(index)) {
        events.push(...closeMessage(undefined))
        calls.set(index, items.length)
        events.push(
          add({
            type: 'function_call',
            id: `fc-${tag}-${items.length}`,
            status: 'in_progress',
            call_id: id,
            name,
            arguments: '',
          }),
        )
      }
      const at = calls.get(index)!
      const item = items[at] as CallItem
      item.arguments += argumentsDelta
      if (argumentsDelta !== '')
        events.push({
          type: 'response.function_call_arguments.delta',
          item_id: item.id,
          output_index: at,
          delta: argumentsDelta,
        })
      return events
    },

    pause: () => closeMessage('commentary'),

    end: (isCut) => [
      // What is said last is said even when it is nothing.
      ...(items.length === 0 ? openMessage() : []),
      ...closeMessage(calls.size === 0 ? 'final_answer' : undefined, isCut),
      ...closeCalls(isCut),
    ],
  }
}
