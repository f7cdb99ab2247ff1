/** Responses of OpenAI, and in GoClaw's words, read. Source: OpenAI API reference, "Create a model response". */
import type { IncomingMessage } from 'node:http'
import { cutText, checkParameters, unsupportedParameter, type OtherParameters } from '@clawmesh/chassis'
import { MeshError, http, type BodyOf } from '@clawmesh/contracts'
import type { Sampling } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ClientTools, RunOptions } from '../../runs/types.ts'
import type { StoredToolCall } from '../../sessions/types.ts'
import { agentRefOf } from '../agent-ref.ts'
import { clientToolsOf, type FunctionTool, type ToolChoice } from '../client-tools.ts'
import { audioUrl, conversationOf } from '../completions/request.ts'
import {
  textOf,
  type ForeignMessage,
  type ForeignPart,
  type ForeignReference,
  type ForeignRequest,
} from '../foreign-request.ts'
import { formatOf } from '../response-format.ts'
import { storedCall } from '../tool-arguments.ts'
import { referenceTo } from './references.ts'

export type ResponseBody = BodyOf<(typeof http.responses.operations)['createResponse']>
type InputItem = Exclude<NonNullable<ResponseBody['input']>, string>[number]
type Content = Extract<InputItem, { content: unknown }>['content']

const declared = Object.keys(http.responses.operations.createResponse.body.shape)

const always = (): boolean => true
const isTrue = (value: unknown): boolean => value === true

const others: OtherParameters = {
  hints: ['store', 'truncation', 'prompt_cache_retention', 'prompt_cache_options', 'safety_identifier'],
  refused: {
    background: isTrue,
    // Nothing of the kind is ever hidden here.
    include: (wanted) => !(Array.isArray(wanted) && wanted.every((one) => one === 'reasoning.encrypted_content')),
    service_tier: (tier) => tier !== 'auto' && tier !== 'default',
    top_logprobs: (count) => count !== 0,
    stream_options: (options) => (options as { include_obfuscation?: unknown }).include_obfuscation === true,
    conversation: always,
    context_management: always,
    image: always,
    max_tool_calls: always,
    moderation: always,
    prompt: always,
    access_programs: always,
  },
}

/** @throws UNSUPPORTED_PARAMETER for what says how to think or to write, and cannot be told a provider */
const checkInside = ({ reasoning, text }: ResponseBody): void => {
  const { effort: _effort, ...thinking } = reasoning ?? {}
  const { format: _format, verbosity, ...writing } = text ?? {}
  const asked = (fields: object, group: string) =>
    Object.entries(fields).flatMap(([name, value]) => (value == null ? [] : [`${group}.${name}`]))
  const style = verbosity == null || verbosity === 'medium' ? [] : ['text.verbosity']
  const [first] = [...asked(thinking, 'reasoning'), ...style, ...asked(writing, 'text')]
  if (first !== undefined) throw unsupportedParameter(cutText(first, 100))
}

const partsOf = (content: Content): ForeignPart[] => {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return content.map((part): ForeignPart => {
    const { text, refusal, image_url: imageUrl, input_audio: audio, file_data: data, file_url: url, filename } = part
    if (imageUrl != null) return { imageUrl }
    if (audio != null) return { file: { url: audioUrl(audio), name: '' } }
    const fileUrl = data ?? url
    if (fileUrl != null) return { file: { url: fileUrl, name: filename ?? '' } }
    const said = text ?? refusal
    if (said === undefined) throw unsupportedParameter('input')
    return { text: said }
  })
}

/** What an item adds to a conversation; calls that follow each other are one turn of the assistant. */
const addItem = (messages: (ForeignMessage | ForeignReference)[], item: InputItem): void => {
  if ('call_id' in item && item.type === 'function_call') {
    const { call_id: id, name, arguments: args } = item as Extract<InputItem, { arguments: string }>
    const last = messages.at(-1)
    const call: StoredToolCall = storedCall(id, name, args)
    if (last?.role === 'assistant') messages[messages.length - 1] = { ...last, toolCalls: [...last.toolCalls, call] }
    else messages.push({ role: 'assistant', content: [], toolCalls: [call] })
  } else if ('call_id' in item && item.type === 'function_call_output') {
    const { call_id: toolCallId, output } = item as Extract<InputItem, { output: Content }>
    messages.push({ role: 'tool', content: partsOf(output), toolCallId })
  } else if ('role' in item) {
    const { role, content } = item as Extract<InputItem, { content: Content }>
    if (role === 'user') messages.push({ role, content: partsOf(content) })
    else if (role === 'assistant') messages.push({ role, content: partsOf(content), toolCalls: [] })
  } else if (item.type === 'item_reference') messages.push(referenceTo(String(item['id'])))
  else if (item.type !== 'reasoning') throw unsupportedParameter('input')
}

const isInstruction = (item: InputItem): item is Extract<InputItem, { content: Content }> =>
  'role' in item && (item['role'] === 'system' || item['role'] === 'developer')

type Conversation = Pick<ForeignRequest, 'messages' | 'instructions'>

/** @throws INVALID_REQUEST where there is no input, UNSUPPORTED_PARAMETER for items of other kinds */
const inputOf = ({ input, messages }: ResponseBody): Conversation => {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: [{ text: input }] }], instructions: '' }
  if (input == null) {
    if (messages == null) throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'input' })
    return conversationOf(messages)
  }
  const said: (ForeignMessage | ForeignReference)[] = []
  for (const item of input) addItem(said, item)
  const instructions = input.filter(isInstruction).map(({ content }) => textOf(partsOf(content)))
  return { messages: said, instructions: instructions.join('\n\n') }
}

const textFormatOf = ({ text }: ResponseBody): Sampling['responseFormat'] => {
  const format = text?.format
  if (format == null || format.type === 'text') return undefined
  return format.type === 'json_object' ? formatOf(format.type) : formatOf(format.type, format)
}

const optionsOf = (body: ResponseBody): RunOptions => ({
  maxTokens: body.max_output_tokens ?? body.max_tokens ?? undefined,
  temperature: body.temperature ?? undefined,
  reasoningEffort: body.reasoning?.effort ?? undefined,
  cacheKey: body.prompt_cache_key ?? undefined,
  forbidsFallbacks: body.disable_fallbacks ?? undefined,
  sampling: {
    topP: body.top_p ?? undefined,
    responseFormat: textFormatOf(body),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
  },
})

const choiceOf = ({ tool_choice: choice }: ResponseBody): ToolChoice | undefined => {
  if (choice == null) return undefined
  if (typeof choice === 'string') return { mode: choice }
  if ('name' in choice && choice.type === 'function') return { mode: 'required', allowed: [String(choice['name'])] }
  if ('mode' in choice && choice.type === 'allowed_tools') {
    const { mode, tools } = choice as Extract<typeof choice, { mode: unknown }>
    return { mode: mode as 'auto', allowed: (tools as { name: string }[]).map(({ name }) => name) }
  }
  throw unsupportedParameter('tool_choice')
}

const toolsOf = (body: ResponseBody): ClientTools | undefined => {
  const functions = (body.tools ?? []).map(({ type, name, description, parameters, strict }): FunctionTool => {
    if (type !== 'function' || name === undefined) throw unsupportedParameter('tools')
    // OpenAI takes functions of responses for strict unless told otherwise.
    return { name, description, parameters, strict }
  })
  return clientToolsOf(functions, choiceOf(body))
}

const responseId = /^resp-([0-9a-f]{8})$/

/** The beginning of the run id that a previous response names. @throws NOT_FOUND for what is no response id */
const continuedRun = ({ previous_response_id: id }: ResponseBody): string | undefined => {
  if (id == null || id === '') return undefined
  const [, prefix] = responseId.exec(id) ?? []
  if (prefix === undefined)
    throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'response', id: cutText(id, 100) })
  return prefix
}

/** @throws INVALID_REQUEST, UNSUPPORTED_PARAMETER, UNKNOWN_PARAMETER, NOT_FOUND */
export const responseRequest = (body: ResponseBody, headers: IncomingMessage['headers']): ForeignRequest => {
  checkParameters(body, declared, others)
  checkInside(body)
  const { messages, instructions } = inputOf(body)
  return {
    agentRef: agentRefOf(body.model, headers),
    sessionName: 'responses',
    messages,
    storesHistory: true,
    continues: continuedRun(body),
    instructions: [body.instructions ?? '', instructions].filter((text) => text !== '').join('\n\n'),
    options: optionsOf(body),
    clientTools: toolsOf(body),
    metadata: body.metadata ?? undefined,
    stream: body.stream === true,
  }
}
