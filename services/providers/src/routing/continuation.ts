/** An answer that breaks off, and what another model is shown so that it goes on with it. */
import type { ChatDone, ChatRequest, ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { textMessage } from '../chat/protocols/conversation.ts'
import { createSeam } from './seam.ts'

const goOn =
  'Your answer broke off where your last message ends. Go on from exactly there: write only what is missing, repeat ' +
  'nothing, and do not mention the interruption.'

/** What was delivered of an answer so far, over all models that have written at it. */
export const createDelivered = () => {
  let text = ''
  let thinking = ''
  let hasCalls = false
  const breaks: number[] = []

  return {
    note: ({ event }: ChatResponse): void => {
      if (event?.$case === 'textDelta') text += event.value
      else if (event?.$case === 'thinkingDelta') thinking += event.value
      else if (event?.$case === 'toolCallDelta') hasCalls = true
    },

    isEmpty: (): boolean => text === '' && thinking === '' && !hasCalls,
    /** Calls that were begun cannot be gone on with: nobody knows how they were to end. */
    canBeContinued: (): boolean => !hasCalls,
    breaks: (): readonly number[] => breaks,

    /** The request for who goes on. No words are put into its mouth as a beginning: many vendors refuse that. */
    continued: (request: ChatRequest): ChatRequest => {
      breaks.push(text.length)
      if (text === '') return request
      return {
        ...request,
        messages: [...request.messages, textMessage('assistant', text), textMessage('user', goOn)],
      }
    },

    /** The pieces of a continuation, as they follow what was delivered, and its end with the whole answer. */
    joined: async function* (events: AsyncIterable<ChatResponse>): AsyncGenerator<ChatResponse, void, void> {
      const [textBefore, thinkingBefore] = [text, thinking]
      const seam = createSeam(textBefore)
      const write = (value: string): ChatResponse[] => (value === '' ? [] : [{ event: { $case: 'textDelta', value } }])
      let streamed = ''
      let fresh = ''
      for await (const response of events) {
        const { event } = response
        if (event?.$case === 'textDelta') {
          const value = seam.push(event.value)
          streamed += event.value
          fresh += value
          yield* write(value)
        } else if (event?.$case === 'done') {
          const rest = event.value.content.slice(streamed.length)
          const value = seam.push(rest) + seam.end()
          fresh += value
          yield* write(value)
          yield doneWith(event.value, textBefore + fresh, thinkingBefore + event.value.thinking)
        } else yield response
      }
    },
  }
}

/** The provider's own record of its part does not speak of the whole, so it is left out. */
const doneWith = (done: ChatDone, content: string, thinking: string): ChatResponse => ({
  event: { $case: 'done', value: { ...done, content, thinking, providerState: '' } },
})

export type Delivered = ReturnType<typeof createDelivered>
