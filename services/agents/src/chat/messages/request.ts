/** Messages of Anthropic, read. Source: Anthropic API reference, "Create a Message", "Count tokens in a Message". */
import type { IncomingMessage } from 'node:http'
import { checkParameters, cutText, unsupportedParameter, type OtherParameters } from '@clawmesh/chassis'
import { MeshError, http, type BodyOf } from '@clawmesh/contracts'
import type { Sampling } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ClientTools, RunOptions } from '../../runs/types.ts'
import { agentRefOf } from '../agent-ref.ts'
import { clientToolsOf, type FunctionTool, type ToolChoice } from '../client-tools.ts'
import type { ForeignMessage, ForeignRequest } from '../foreign-request.ts'
import { formatOf } from '../response-format.ts'
import { messagesOf } from './blocks.ts'

export type MessageBody = BodyOf<(typeof http.messages.operations)['createMessage']>
export type CountBody = BodyOf<(typeof http.messages.operations)['countMessageTokens']>

const { createMessage, countMessageTokens } = http.messages.operations
const declared = Object.keys(createMessage.body.shape)
const declaredInCount = Object.keys(countMessageTokens.body.shape)

const always = (): boolean => true

const others: OtherParameters = {
  // The mesh keeps what a model is shown within its window by itself.
  hints: ['service_tier', 'context_management', 'diagnostics'],
  refused: {
    top_k: always,
    container: always,
    mcp_servers: (servers) => !(Array.isArray(servers) && servers.length === 0),
    inference_geo: always,
    user_profile_id: always,
    workspace_id: always,
    speed: (speed) => speed !== 'standard',
    output_format: always,
  },
}

/** @throws UNSUPPORTED_PARAMETER for what says how to write, and cannot be told a provider */
const checkOutput = ({ output_config: config }: CountBody): void => {
  const { effort: _effort, format: _format, ...rest } = config ?? {}
  const [unknown] = Object.entries(rest).flatMap(([name, value]) => (value == null ? [] : [name]))
  if (unknown !== undefined) throw unsupportedParameter(`output_config.${cutText(unknown, 100)}`)
}

/** @throws INVALID_REQUEST for words of the assistant at the end */
const conversationOf = ({ messages, cache_control: mark }: CountBody): ForeignMessage[] => {
  const all = messages.flatMap(messagesOf)
  const last = all.at(-1)
  if (last?.role === 'assistant' && last.toolCalls.length === 0)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'messages',
      reason: 'the last message is of the assistant',
    })
  if (last === undefined || mark == null) return all
  return [...all.slice(0, -1), { ...last, cacheMark: true }]
}

const systemOf = ({ system }: CountBody): string =>
  typeof system === 'string' ? system : (system ?? []).map(({ text }) => text).join('\n\n')

const choiceOf = ({ tool_choice: choice }: CountBody): ToolChoice | undefined => {
  if (choice == null) return undefined
  if (choice.type === 'tool') return { mode: 'required', allowed: [choice.name] }
  return { mode: choice.type === 'any' ? 'required' : choice.type }
}

const toolsOf = (body: CountBody): ClientTools | undefined => {
  const functions = (body.tools ?? []).map(({ type, name, description, input_schema: parameters, strict }) => {
    if (type != null && type !== 'custom') throw unsupportedParameter('tools')
    return { name, description, parameters, strict } satisfies FunctionTool
  })
  return clientToolsOf(functions, choiceOf(body))
}

/** What makes the prompt of a request. @throws INVALID_REQUEST, UNSUPPORTED_PARAMETER, UNKNOWN_PARAMETER */
const promptOf = (body: CountBody, names: readonly string[], headers: IncomingMessage['headers']) => {
  checkParameters(body, names, others)
  checkOutput(body)
  return {
    agentRef: agentRefOf(body.model, headers),
    messages: conversationOf(body),
    instructions: systemOf(body),
    clientTools: toolsOf(body),
  }
}

/** The largest budgets of each level; what is larger is high. */
const budgets = { low: 4_096, medium: 16_000 }

const effortOf = ({ thinking, output_config: config }: MessageBody): string | undefined => {
  if (thinking?.type === 'disabled') return 'none'
  if (config?.effort != null) return config.effort
  if (thinking?.type === 'adaptive') return 'auto'
  if (thinking == null) return undefined
  const { budget_tokens: budget } = thinking
  return budget <= budgets.low ? 'low' : budget <= budgets.medium ? 'medium' : 'high'
}

const formatOfAnswer = ({ output_config: config }: MessageBody): Sampling['responseFormat'] =>
  config?.format == null
    ? undefined
    : formatOf('json_schema', { name: 'answer', schema: config.format.schema, strict: true })

type Cached = { cache_control?: { ttl?: string | undefined } | null | undefined }

/** The longest time that a mark asks for: a request has its longer ones first, and those of prompt and tools come first. */
const cacheTtlOf = (body: MessageBody): string | undefined => {
  const blocks = body.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
  const system = typeof body.system === 'string' ? [] : (body.system ?? [])
  const all = [body, ...system, ...(body.tools ?? []), ...blocks] as Cached[]
  return all.some(({ cache_control: mark }) => mark?.ttl === '1h') ? '1h' : undefined
}

const optionsOf = (body: MessageBody): RunOptions => ({
  maxTokens: body.max_tokens ?? undefined,
  temperature: body.temperature ?? undefined,
  reasoningEffort: effortOf(body),
  cacheTtl: cacheTtlOf(body),
  forbidsFallbacks: body.disable_fallbacks ?? undefined,
  sampling: {
    topP: body.top_p ?? undefined,
    stop: body.stop_sequences ?? [],
    responseFormat: formatOfAnswer(body),
    parallelToolCalls: body.tool_choice?.['disable_parallel_tool_use'] === true ? false : undefined,
  },
})

/** Whether the client is to see what the model thinks. */
export const showsThinking = ({ thinking }: MessageBody): boolean =>
  thinking != null && thinking.type !== 'disabled' && thinking.display !== 'omitted'

/** @throws INVALID_REQUEST, UNSUPPORTED_PARAMETER, UNKNOWN_PARAMETER */
export const messageRequest = (body: MessageBody, headers: IncomingMessage['headers']): ForeignRequest => {
  const user = body.metadata?.user_id
  return {
    ...promptOf(body, declared, headers),
    sessionName: 'messages',
    options: optionsOf(body),
    metadata: user == null ? undefined : { user_id: user },
    stream: body.stream === true,
  }
}

/** @throws INVALID_REQUEST, UNSUPPORTED_PARAMETER, UNKNOWN_PARAMETER */
export const countedRequest = (body: CountBody, headers: IncomingMessage['headers']) =>
  promptOf(body, declaredInCount, headers)
