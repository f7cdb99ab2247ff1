/** Chat completions of OpenAI, read. Source: OpenAI API reference, "Create chat completion". */
import type { IncomingMessage } from 'node:http'
import type { Sampling } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, http, type BodyOf } from '@clawmesh/contracts'
import { checkParameters, unsupportedParameter, type OtherParameters } from '@clawmesh/chassis'
import type { ClientTools, RunOptions } from '../../runs/types.ts'
import { agentRefOf } from '../agent-ref.ts'
import { clientToolsOf, type FunctionTool, type ToolChoice } from '../client-tools.ts'
import {
  textOf,
  type ForeignMedia,
  type ForeignMessage,
  type ForeignPart,
  type ForeignRequest,
} from '../foreign-request.ts'
import { formatOf } from '../response-format.ts'
import { storedCall } from '../tool-arguments.ts'

export type CompletionBody = BodyOf<(typeof http.chat.operations)['createChatCompletion']>
type InputMessage = CompletionBody['messages'][number]

const always = (): boolean => true

/** Audio as OpenAI has it, as a data URL. */
export const audioUrl = ({ data, format }: { data: string; format: 'wav' | 'mp3' }): string =>
  `data:audio/${format};base64,${data}`

const declared = Object.keys(http.chat.operations.createChatCompletion.body.shape)

const others: OtherParameters = {
  hints: ['store', 'prompt_cache_retention', 'prompt_cache_options', 'safety_identifier'],
  refused: {
    n: (count) => Number(count) > 1,
    logprobs: (wanted) => wanted !== false,
    top_logprobs: (count) => count !== 0,
    modalities: (kinds) => !(Array.isArray(kinds) && kinds.every((kind) => kind === 'text')),
    service_tier: (tier) => tier !== 'auto' && tier !== 'default',
    verbosity: (level) => level !== 'medium',
    audio: always,
    prediction: always,
    web_search_options: always,
    moderation: always,
    functions: always,
    function_call: always,
  },
}

type Part = Exclude<InputMessage['content'], string | null | undefined>[number]

/** The audio or the file of a part. @throws UNSUPPORTED_PARAMETER for a file that is stored with OpenAI */
const fileOf = ({ input_audio: audio, file }: Part): ForeignMedia | undefined => {
  if (audio !== undefined) return { file: { url: audioUrl(audio), name: '' } }
  if (file === undefined) return undefined
  const { file_data: url, filename: name } = file
  if (url == null) throw unsupportedParameter('messages')
  return { file: { url, name: name ?? '' } }
}

const partsOf = ({ content }: InputMessage): ForeignPart[] => {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return (content ?? []).flatMap((part): ForeignPart[] => {
    const { text, image_url: image } = part
    const imageUrl = typeof image === 'string' ? image : image?.url
    if (imageUrl !== undefined) return [{ imageUrl }]
    const file = fileOf(part)
    if (file !== undefined) return [file]
    return text === undefined ? [] : [{ text }]
  })
}

const messageOf = (message: InputMessage): ForeignMessage[] => {
  const content = partsOf(message)
  switch (message.role) {
    case 'user':
      return [{ role: 'user', content }]
    case 'tool':
      return [{ role: 'tool', content, toolCallId: message.tool_call_id ?? '' }]
    case 'assistant': {
      const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) =>
        storedCall(id, name, args),
      )
      return [{ role: 'assistant', content, toolCalls: calls }]
    }
    default:
      return []
  }
}

const isInstruction = ({ role }: InputMessage): boolean => role === 'system' || role === 'developer'

/** The messages of a chat: what is said, and the instructions among it. */
export const conversationOf = (
  messages: readonly InputMessage[],
): Pick<ForeignRequest, 'messages' | 'instructions'> => ({
  messages: messages.flatMap(messageOf),
  instructions: messages
    .filter(isInstruction)
    .map((message) => textOf(partsOf(message)))
    .join('\n\n'),
})

const responseFormatOf = ({ response_format: format }: CompletionBody): Sampling['responseFormat'] => {
  if (format == null || format.type === 'text') return undefined
  return format.type === 'json_object' ? formatOf(format.type) : formatOf(format.type, format.json_schema)
}

const maxTokensOf = ({ max_tokens: older, max_completion_tokens: newer }: CompletionBody): number | undefined => {
  if (older != null && newer != null && older !== newer)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'max_tokens',
      reason: 'max_completion_tokens says otherwise',
    })
  return newer ?? older ?? undefined
}

const optionsOf = (body: CompletionBody): RunOptions => ({
  maxTokens: maxTokensOf(body),
  temperature: body.temperature ?? undefined,
  reasoningEffort: body.reasoning_effort ?? undefined,
  cacheKey: body.prompt_cache_key ?? undefined,
  forbidsFallbacks: body.disable_fallbacks ?? undefined,
  sampling: {
    topP: body.top_p ?? undefined,
    stop: [body.stop ?? []].flat(),
    seed: body.seed ?? undefined,
    presencePenalty: body.presence_penalty ?? undefined,
    frequencyPenalty: body.frequency_penalty ?? undefined,
    responseFormat: responseFormatOf(body),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    logitBias: body.logit_bias ?? {},
  },
})

const choiceOf = ({ tool_choice: choice }: CompletionBody): ToolChoice | undefined => {
  if (choice == null) return undefined
  if (typeof choice === 'string') return { mode: choice }
  if (choice.type === 'custom') throw unsupportedParameter('tool_choice')
  if (choice.type === 'function') return { mode: 'required', allowed: [choice.function.name] }
  const { mode, tools } = choice.allowed_tools
  return { mode, allowed: tools.map((tool) => tool.function.name) }
}

const toolsOf = (body: CompletionBody): ClientTools | undefined => {
  const functions = (body.tools ?? []).map(({ type, function: described }): FunctionTool => {
    if (type !== 'function' || described === undefined) throw unsupportedParameter('tools')
    return described
  })
  return clientToolsOf(functions, choiceOf(body))
}

const checkStreamOptions = ({ stream, stream_options: options }: CompletionBody): void => {
  if (options == null) return
  if (stream !== true)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'stream_options',
      reason: 'only allowed with stream',
    })
  if (options['include_obfuscation'] === true) throw unsupportedParameter('stream_options.include_obfuscation')
}

/** @throws INVALID_REQUEST, UNSUPPORTED_PARAMETER, UNKNOWN_PARAMETER */
export const completionRequest = (body: CompletionBody, headers: IncomingMessage['headers']): ForeignRequest => {
  checkParameters(body, declared, others)
  checkStreamOptions(body)
  return {
    agentRef: agentRefOf(body.model, headers),
    sessionName: 'http',
    ...conversationOf(body.messages),
    options: optionsOf(body),
    clientTools: toolsOf(body),
    metadata: body.metadata ?? undefined,
    stream: body.stream === true,
  }
}
