/** Requests, connections and collectors for the tests of this folder. */
import type {
  ChatDone,
  ChatMessage,
  ChatRequest,
  ChatResponse,
  ToolCall,
  ToolSpec,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import { Agent } from 'undici'
import type { ProviderConnection } from '../src/providers/connection.ts'
import type { CallOptions } from '../src/chat/protocols/options.ts'

export const testKey = 'sk-test-secret-0123456789'

export const connectionTo = (apiBase: string, fields: Partial<ProviderConnection> = {}): ProviderConnection => ({
  name: 'test-provider',
  type: 'openai_compat',
  apiBase,
  apiKey: testKey,
  settings: {},
  ...fields,
})

export const message = (role: string, content: string, fields: Partial<ChatMessage> = {}): ChatMessage => ({
  role,
  content,
  images: [],
  toolCalls: [],
  toolCallId: '',
  isError: false,
  thinking: '',
  providerState: '',
  parts: [],
  ...fields,
})

export const toolCall = (id: string, name: string, argumentsJson = '{}'): ToolCall => ({
  id,
  name,
  argumentsJson,
  parseError: '',
})

export const tool = (name: string, parameters: unknown = { type: 'object', properties: {} }): ToolSpec => ({
  name,
  description: `does ${name}`,
  parametersJson: JSON.stringify(parameters),
})

export const chatRequest = (fields: Partial<ChatRequest> = {}): ChatRequest => ({
  provider: '',
  model: 'test-model',
  messages: [message('user', 'hello')],
  tools: [],
  options: undefined,
  sampling: undefined,
  stream: true,
  ...fields,
})

/** Fast retries and generous timeouts, over a pool of its own. */
export const testOptions = (fields: Partial<CallOptions> = {}): CallOptions & { fetcher: Agent } => ({
  retry: { baseMs: 1 },
  timeouts: { connectMs: 5_000, firstTokenMs: 20_000, idleMs: 20_000, wholeMs: 20_000 },
  ...fields,
  fetcher: new Agent(),
})

export interface Collected {
  text: string
  thinking: string
  /** Arguments by index, put together from the deltas. */
  toolTexts: string[]
  retries: { attempt: number; maxAttempts: number; delayMs: number; reason: string }[]
  done: ChatDone[]
  events: ChatResponse[]
  error: MeshError | undefined
}

/** Everything a call gives; a MeshError is kept, anything else thrown on. */
export const collect = async (events: AsyncIterable<ChatResponse>): Promise<Collected> => {
  const all: Collected = { text: '', thinking: '', toolTexts: [], retries: [], done: [], events: [], error: undefined }
  try {
    for await (const response of events) {
      all.events.push(response)
      const { event } = response
      if (event?.$case === 'textDelta') all.text += event.value
      if (event?.$case === 'thinkingDelta') all.thinking += event.value
      if (event?.$case === 'retrying') all.retries.push(event.value)
      if (event?.$case === 'done') all.done.push(event.value)
      if (event?.$case === 'toolCallDelta') {
        const { index, argumentsDelta } = event.value
        all.toolTexts[index] = (all.toolTexts[index] ?? '') + argumentsDelta
      }
    }
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    all.error = error
  }
  return all
}

/** The one `done` of a call that went well. */
export const doneOf = ({ done, error }: Collected): ChatDone => {
  if (error) throw error
  if (done.length !== 1) throw new Error(`${done.length} done events`)
  return done[0]!
}

/** The error of a call that must fail, its text and cause free of the key. */
export const errorOf = ({ error }: Collected): MeshError => {
  if (!error) throw new Error('the call did not fail')
  if (`${error.message} ${JSON.stringify(error.params)} ${String(error.cause)}`.includes(testKey))
    throw new Error(`the key is in the error: ${error.message}`)
  return error
}
