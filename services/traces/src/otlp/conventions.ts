/**
 * What spans of other programs say, by OpenTelemetry's semantic conventions for generative AI: current names first, then
 * those that came before and after (https://github.com/open-telemetry/semantic-conventions-genai).
 */
import { contentIn, countIn, textIn, type Attributes, type Plain } from './attributes.ts'
import type { ToldTrace } from '../intake/read-event.ts'

type Span = ToldTrace['spans'][number]
type SpanType = Span['span_type']

const typeByOperation: Readonly<Record<string, SpanType>> = {
  chat: 'llm_call',
  text_completion: 'llm_call',
  generate_content: 'llm_call',
  embeddings: 'embedding',
  execute_tool: 'tool_call',
  create_agent: 'agent',
  invoke_agent: 'agent',
  invoke_workflow: 'agent',
  plan: 'agent',
}

const names = {
  operation: ['gen_ai.operation.name'],
  model: ['gen_ai.response.model', 'gen_ai.request.model'],
  provider: ['gen_ai.provider.name', 'gen_ai.system'],
  inputTokens: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'],
  outputTokens: ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'],
  cacheRead: ['gen_ai.usage.cache_read.input_tokens'],
  cacheCreation: ['gen_ai.usage.cache_creation.input_tokens', 'gen_ai.usage.cache_write.input_tokens'],
  thinking: ['gen_ai.usage.reasoning.output_tokens'],
  tool: ['gen_ai.tool.name'],
  toolCall: ['gen_ai.tool.call.id'],
  agent: ['gen_ai.agent.name'],
  conversation: ['gen_ai.conversation.id', 'session.id'],
  user: ['user.id', 'enduser.id'],
  input: ['gen_ai.input.messages', 'gen_ai.tool.call.arguments', 'gen_ai.prompt'],
  output: ['gen_ai.output.messages', 'gen_ai.tool.call.result', 'gen_ai.completion'],
} as const
const finishReasons = 'gen_ai.response.finish_reasons'
/** What a model was asked for, under the names that our own spans have for it. */
const parameters = 'gen_ai.request.'
const read = new Set<string>([...Object.values(names).flat(), finishReasons])

/** Attributes of a span that are kept beside those that are read. */
const keptAttributes = 64

const typeOf = (attributes: Attributes): SpanType => {
  const operation = textIn(attributes, ...names.operation)
  if (operation !== undefined && Object.hasOwn(typeByOperation, operation)) return typeByOperation[operation]!
  if (textIn(attributes, ...names.tool) !== undefined) return 'tool_call'
  return textIn(attributes, ...names.model) === undefined ? 'event' : 'llm_call'
}

const parametersOf = (attributes: Attributes): Record<string, Plain> | undefined => {
  const asked = [...attributes].filter(([name]) => name.startsWith(parameters) && !read.has(name))
  return asked.length === 0
    ? undefined
    : Object.fromEntries(asked.slice(0, keptAttributes).map(([name, value]) => [name.slice(parameters.length), value]))
}

const othersOf = (attributes: Attributes) => {
  const others = [...attributes].filter(([name]) => !read.has(name) && !name.startsWith(parameters))
  return others.length === 0 ? {} : { attributes: Object.fromEntries(others.slice(0, keptAttributes)) }
}

const counted = (name: string, count: number | undefined) => (count === undefined ? {} : { [name]: count })

/** What a span says of its work. */
export const workOf = (attributes: Attributes) => {
  const reasons = attributes.get(finishReasons)
  const params = parametersOf(attributes)
  const metadata = {
    ...counted('cache_read_tokens', countIn(attributes, ...names.cacheRead)),
    ...counted('cache_creation_tokens', countIn(attributes, ...names.cacheCreation)),
    ...counted('thinking_tokens', countIn(attributes, ...names.thinking)),
    ...othersOf(attributes),
  }
  return {
    span_type: typeOf(attributes),
    model: textIn(attributes, ...names.model),
    provider: textIn(attributes, ...names.provider),
    input_tokens: countIn(attributes, ...names.inputTokens),
    output_tokens: countIn(attributes, ...names.outputTokens),
    finish_reason: Array.isArray(reasons) && typeof reasons[0] === 'string' ? reasons[0] : undefined,
    model_params: params,
    tool_name: textIn(attributes, ...names.tool),
    tool_call_id: textIn(attributes, ...names.toolCall),
    input_preview: contentIn(attributes, ...names.input),
    output_preview: contentIn(attributes, ...names.output),
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  } satisfies Partial<Span>
}

export const conversationIn = (attributes: Attributes): string | undefined => textIn(attributes, ...names.conversation)
export const userIn = (attributes: Attributes): string | undefined => textIn(attributes, ...names.user)
export const agentIn = (attributes: Attributes): string | undefined => textIn(attributes, ...names.agent)
export const serviceIn = (attributes: Attributes): string | undefined => textIn(attributes, 'service.name')
