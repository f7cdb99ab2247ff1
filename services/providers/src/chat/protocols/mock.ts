/**
 * The mock provider: no network and no model, and it says so in every answer. It is what an embedded Clawmesh answers
 * with until a real provider is stored, and it is deterministic, so that whole turns can be tested without a model.
 */
import type {
  ChatDone,
  ChatMessage,
  ChatRequest,
  ChatResponse,
  ToolCall,
  Usage,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ProviderConnection } from '../../providers/connection.ts'
import { mediaOf } from './conversation.ts'
import { cancelledBy, toProviderError } from './failure.ts'
import type { CallOptions } from './options.ts'
import { checkSampling, refuseParameters } from './sampling.ts'
import { finishedCall } from './tool-calls.ts'
import { textDelta, toolCallDelta } from './protocol.ts'

const label = '[mock provider of an embedded Clawmesh, not a language model]'
const quoteLimit = 500
const directive = /^\s*call\s+([\w.-]+)(?:\s+(\{.*\}))?\s*$/

const words = (text: string): number => text.match(/\S+/g)?.length ?? 0
const quote = (text: string): string => (text.length > quoteLimit ? `${text.slice(0, quoteLimit)}…` : text)

const lastOf = (messages: readonly ChatMessage[], role: string): number =>
  messages.findLastIndex((message) => message.role === role)

/** The calls that a user message asks for, one a line, of tools that are offered. */
const askedCalls = (text: string, offered: ReadonlySet<string>, turn: number): ToolCall[] =>
  text
    .split('\n')
    .map((line) => directive.exec(line))
    .filter((match) => match !== null)
    .filter((match) => offered.has(match[1]!))
    .map((match, at) => finishedCall(`call_mock_${turn}_${at + 1}`, match[1]!, match[2] ?? '{}'))

const summary = (messages: readonly ChatMessage[], from: number): string => {
  const names = new Map(messages.flatMap(({ toolCalls }) => toolCalls.map(({ id, name }) => [id, name] as const)))
  const results = messages.slice(from).filter(({ role }) => role === 'tool')
  const lines = results.map(
    ({ toolCallId, content, isError }) =>
      `- ${names.get(toolCallId) ?? 'tool'}${isError ? ' failed' : ''}: ${quote(content)}`,
  )
  return `The tools answered:\n${lines.join('\n')}`
}

const answerText = (messages: readonly ChatMessage[], hasResults: boolean): string => {
  const user = lastOf(messages, 'user')
  if (hasResults) return `${label} ${summary(messages, user + 1)}`
  const said = messages[user]
  if (!said) return `${label} There is no user message to answer.`
  const media = mediaOf(said)
  const images = media.filter((one) => 'image' in one).length
  const counts = [`${images} image(s)`, `${media.length - images} file(s)`].filter((count) => !count.startsWith('0 '))
  const seen = counts.length === 0 ? '' : ` (with ${counts.join(' and ')})`
  return `${label} You said${seen}: ${quote(said.content)}`
}

/** The text before the first of the texts at which the answer is to stop. */
const untilStop = (text: string, stops: readonly string[]): string =>
  stops.reduce((left, stop) => (stop === '' ? left : left.split(stop, 1)[0]!), text)

const limitWords = (text: string, limit: number): { text: string; cut: boolean } => {
  const pieces = text.match(/(?<!\s)\s*\S+/g) ?? []
  const cut = limit > 0 && pieces.length > limit
  return { text: (cut ? pieces.slice(0, limit) : pieces).join(''), cut }
}

const usageOf = (messages: readonly ChatMessage[], text: string, calls: readonly ToolCall[]): Usage => ({
  inputTokens: messages.reduce((sum, message) => sum + words(message.content), 0),
  outputTokens: words(text) + calls.reduce((sum, call) => sum + 1 + words(call.argumentsJson), 0),
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  thinkingTokens: 0,
})

const answer = (connection: ProviderConnection, request: ChatRequest): ChatDone => {
  const { messages } = request
  const user = lastOf(messages, 'user')
  const hasResults = messages.slice(user + 1).some(({ role }) => role === 'tool')
  const mayCall = request.sampling?.toolChoice?.type !== 'none'
  const offered = new Set(mayCall ? request.tools.map(({ name }) => name) : [])
  const calls = hasResults ? [] : askedCalls(messages[user]?.content ?? '', offered, messages.length)
  const whole = calls.length > 0 ? '' : untilStop(answerText(messages, hasResults), request.sampling?.stop ?? [])
  const { text, cut } = limitWords(whole, request.options?.maxTokens ?? 0)
  return {
    content: text,
    thinking: '',
    toolCalls: calls,
    finishReason: calls.length > 0 ? 'tool_calls' : cut ? 'length' : 'stop',
    usage: usageOf(messages, text, calls),
    provider: connection.name,
    model: request.model || 'mock',
    providerState: '',
  }
}

/**
 * Answers about the last user message, word by word. Lines `call <tool> {json}` in it call offered tools (several lines
 * are parallel calls); once their results are there, the answer quotes them. Usage counts words; max_tokens limits them,
 * `stop` ends them. What only tunes a model changes nothing here.
 * @throws CANCELLED, UNSUPPORTED_PARAMETER for an answer in a form that it cannot give
 */
export async function* mockChat(
  connection: ProviderConnection,
  request: ChatRequest,
  { signal }: Pick<CallOptions, 'signal'>,
): AsyncGenerator<ChatResponse, void, void> {
  checkSampling(request.sampling, request.tools)
  refuseParameters({ connection }, request.sampling, ['response_format', 'logit_bias'])
  const done = answer(connection, request)
  const deltas = [
    ...(done.content.match(/(?<!\s)\s*\S+/g) ?? []).map(textDelta),
    ...done.toolCalls.map((call, index) => toolCallDelta(index, call.id, call.name, call.argumentsJson)),
  ]
  for (const delta of request.stream ? deltas : []) {
    if (signal?.aborted) break
    yield delta
  }
  if (signal?.aborted) throw toProviderError(cancelledBy(signal), connection.name, [])
  yield { event: { $case: 'done', value: done } }
}
