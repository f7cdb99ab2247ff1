/**
 * What OpenAI's chat completions refuse, and some who speak like it, with the bodies they refuse it with. Sources: OpenAI
 * API reference; Mistral's and Perplexity's answers as reported in the issues of public clients.
 */
import { isJson, type Received } from './http-fake.ts'
import type { Json } from './json.ts'
import { holdsHalfCharacter, Refusal, unknownField } from './strict.ts'

/** Whose rules hold. `compatible` is anybody else who speaks the protocol: their own additions are let through. */
export type OpenAiFlavour = 'compatible' | 'openai' | 'mistral' | 'perplexity' | 'gemini'

const refuse = (message: string, param: string | null = null, code: string | null = null): never => {
  throw new Refusal(400, { error: { message, type: 'invalid_request_error', param, code } })
}

const mistral = (message: string, type: string, code: string): never => {
  throw new Refusal(400, { object: 'error', message, type, param: null, code })
}

const bodyFields =
  'model messages stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens ' +
  'temperature top_p n stop seed presence_penalty frequency_penalty logit_bias response_format reasoning_effort user ' +
  'metadata store logprobs top_logprobs'
const additions: Record<OpenAiFlavour, { body: string; message: string; call: string; function: string }> = {
  openai: { body: 'prompt_cache_key', message: '', call: '', function: '' },
  compatible: { body: 'enable_thinking thinking_budget', message: 'reasoning_content', call: '', function: '' },
  mistral: { body: 'random_seed', message: 'prefix', call: '', function: '' },
  perplexity: { body: '', message: '', call: '', function: '' },
  gemini: { body: '', message: '', call: 'extra_content', function: 'thought_signature' },
}

const roles = ['system', 'assistant', 'user', 'function', 'tool', 'developer']
const messageFields: Record<string, string> = {
  system: 'role content name',
  developer: 'role content name',
  user: 'role content name',
  assistant: 'role content name refusal tool_calls',
  tool: 'role content tool_call_id',
}

const noUnknown = (value: Json, path: string, known: string): void => {
  const field = unknownField(value, known)
  const name = path === '' ? field : `${path}.${field}`
  if (field !== undefined) refuse(`Unknown parameter: '${name}'.`, name ?? null, 'unknown_parameter')
}

const checkLength = (value: unknown, path: string, least: number, most: number): void => {
  if (typeof value !== 'string')
    return refuse(`Missing required parameter: '${path}'.`, path, 'missing_required_parameter')
  const { length } = value
  if (length < least)
    refuse(
      `Invalid '${path}': empty string. Expected a string with minimum length ${least}, but got an empty string instead.`,
      path,
      'empty_string',
    )
  if (length > most)
    refuse(
      `Invalid '${path}': string too long. Expected a string with maximum length ${most}, but got a string with length ${length} instead.`,
      path,
      'string_above_max_length',
    )
}

const checkName = (name: unknown, path: string): void => {
  checkLength(name, path, 1, 64)
  const pattern = '^[a-zA-Z0-9_-]+$'
  if (!new RegExp(pattern).test(String(name)))
    refuse(
      `Invalid '${path}': string does not match pattern. Expected a string that matches the pattern '${pattern}'.`,
      path,
      'invalid_value',
    )
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const checkCall = (call: unknown, path: string, flavour: OpenAiFlavour): string => {
  if (!isJson(call) || !isJson(call['function'])) return refuse(`Invalid type for '${path}'.`, path, 'invalid_type')
  const extra = additions[flavour]
  noUnknown(call, path, `id type function ${extra.call}`)
  noUnknown(call['function'], `${path}.function`, `name arguments ${extra.function}`)
  checkLength(call['id'], `${path}.id`, 1, 40)
  checkName(call['function']['name'], `${path}.function.name`)
  const text = call['function']['arguments']
  if (typeof text !== 'string')
    return refuse(
      `Invalid type for '${path}.function.arguments': expected a string, but got an object instead.`,
      `${path}.function.arguments`,
      'invalid_type',
    )
  // Servers parse the arguments to put them into the model's own form.
  const value = parsed(text)
  if (!isJson(value)) refuse(`Invalid '${path}.function.arguments': not a JSON object.`, path, 'invalid_value')
  if (holdsHalfCharacter(value)) refuse('We could not parse the JSON body of your request.')
  const id = String(call['id'])
  if (flavour === 'mistral' && !/^[a-zA-Z0-9]{9}$/.test(id))
    mistral(`Tool call id was ${id} but must be a-z, A-Z, 0-9, with a length of 9.`, 'invalid_function_call', '3280')
  return id
}

const base64Of = (type: string): RegExp => new RegExp(`^data:${type};base64,[A-Za-z0-9+/]+=*$`)
const isBase64 = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z0-9+/]+=*$/.test(value)
const isAudio = (audio: unknown): boolean =>
  isJson(audio) && isBase64(audio['data']) && ['wav', 'mp3'].includes(String(audio['format']))
const isPdf = (url: unknown): boolean => base64Of('application/pdf').test(String(url))

/** Parts other than texts and images, by their type: what is right about one. */
const files: Record<OpenAiFlavour, Record<string, (part: Json) => boolean>> = {
  openai: {
    input_audio: (part) => isAudio(part['input_audio']),
    file: ({ file }) => isJson(file) && /\.pdf$/i.test(String(file['filename'])) && isPdf(file['file_data']),
  },
  get compatible() {
    return {
      ...files.openai,
      video_url: ({ video_url: video }: Json) =>
        isJson(video) && /^data:video\/[a-z0-9]{2,20};base64,[A-Za-z0-9+/]+=*$/.test(String(video['url'])),
    }
  },
  mistral: {
    input_audio: (part) => isBase64(part['input_audio']),
    document_url: (part) => isPdf(part['document_url']),
  },
  gemini: {
    input_audio: (part) => isAudio(part['input_audio']),
    image_url: ({ image_url: image }) => isJson(image) && isPdf(image['url']),
  },
  perplexity: {},
}

const checkPart = (part: unknown, path: string, flavour: OpenAiFlavour): void => {
  if (!isJson(part)) return refuse(`Invalid type for '${path}'.`, path, 'invalid_type')
  if (part['type'] === 'text' && typeof part['text'] === 'string') return noUnknown(part, path, 'type text')
  if (files[flavour][String(part['type'])]?.(part)) return
  const url = isJson(part['image_url']) ? part['image_url']['url'] : undefined
  if (part['type'] !== 'image_url' || typeof url !== 'string')
    refuse(`Invalid value: '${String(part['type'])}'.`, path, 'invalid_value')
  if (!/^(https?:\/\/|data:image\/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+=*$)/.test(String(url)))
    refuse(`Invalid image URL: '${path}.image_url.url'.`, `${path}.image_url.url`, 'invalid_image_url')
}

const checkContent = (message: Json, path: string, flavour: OpenAiFlavour): void => {
  const content = message['content']
  if (Array.isArray(content)) {
    if (content.length === 0) refuse(`Invalid '${path}.content': empty array.`, `${path}.content`, 'empty_array')
    content.forEach((part, at) => checkPart(part, `${path}.content[${at}]`, flavour))
  } else if (typeof content !== 'string' && !(message['role'] === 'assistant' && message['tool_calls'] !== undefined))
    refuse(`Invalid value for 'content': expected a string, got null.`, `${path}.content`)
}

const checkAssistant = (message: Json, path: string, flavour: OpenAiFlavour): string[] => {
  const calls = message['tool_calls']
  // OpenAI itself takes an empty message; Mistral, Moonshot and others do not.
  if (calls === undefined && message['content'] === '')
    mistral(
      'Assistant message must have either content or tool_calls, but not none.',
      'invalid_request_assistant_message',
      '3240',
    )
  if (calls === undefined) return []
  if (!Array.isArray(calls) || calls.length === 0)
    return refuse(`Invalid '${path}.tool_calls': empty array.`, `${path}.tool_calls`, 'empty_array')
  return calls.map((call, at) => checkCall(call, `${path}.tool_calls[${at}]`, flavour))
}

const unanswered = (ids: readonly string[]): void => {
  if (ids.length > 0)
    refuse(
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
        `The following tool_call_ids did not have response messages: ${ids.join(', ')}`,
      'messages',
    )
}

const checkOrder = (before: Json | undefined, role: string, flavour: OpenAiFlavour): void => {
  const last = before?.['role']
  if (flavour === 'mistral' && last === 'tool' && role === 'user')
    mistral("Unexpected role 'user' after role 'tool'", 'invalid_request_message_order', '3230')
  if (flavour === 'perplexity' && last === role && role !== 'system')
    throw new Refusal(400, {
      error: {
        message:
          'After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).',
        type: 'invalid_message',
        code: 400,
      },
    })
}

const checkMessages = (messages: unknown, flavour: OpenAiFlavour): void => {
  if (!Array.isArray(messages)) return refuse("Missing required parameter: 'messages'.", 'messages')
  if (messages.length === 0)
    refuse(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    )
  let waiting: string[] = []
  const seen = new Set<string>()
  messages.forEach((message: unknown, at) => {
    const path = `messages[${at}]`
    if (!isJson(message)) return refuse(`Invalid type for '${path}'.`, path, 'invalid_type')
    const role = String(message['role'])
    const fields = messageFields[role]
    if (fields === undefined)
      return refuse(
        `Invalid value: '${role}'. Supported values are: ${roles.map((each) => `'${each}'`).join(', ')}.`,
        `${path}.role`,
        'invalid_value',
      )
    noUnknown(message, path, role === 'assistant' ? `${fields} ${additions[flavour].message}` : fields)
    checkContent(message, path, flavour)
    checkOrder(messages[at - 1] as Json | undefined, role, flavour)
    if (role === 'tool') {
      const id = String(message['tool_call_id'])
      if (!waiting.includes(id))
        refuse(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `messages.[${at}].role`,
        )
      waiting = waiting.filter((each) => each !== id)
      return
    }
    unanswered(waiting)
    waiting = role === 'assistant' ? checkAssistant(message, path, flavour) : []
    for (const id of waiting) {
      if (seen.has(id)) refuse(`Duplicate value for 'tool_call_id' of '${id}'`, path)
      seen.add(id)
    }
  })
  unanswered(waiting)
}

const checkTools = (body: Json): void => {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = body
  if (tools === undefined) {
    for (const [name, value] of Object.entries({ tool_choice: choice, parallel_tool_calls: parallel }))
      if (value !== undefined)
        refuse(`Invalid value for '${name}': '${name}' is only allowed when 'tools' are specified.`, name)
    return
  }
  if (!Array.isArray(tools) || tools.length === 0)
    return refuse("Invalid 'tools': empty array.", 'tools', 'empty_array')
  const names = tools.map((tool: unknown, at) => {
    const path = `tools[${at}]`
    if (!isJson(tool) || tool['type'] !== 'function' || !isJson(tool['function']))
      return refuse(`Missing required parameter: '${path}.function'.`, path)
    const fields = tool['function']
    noUnknown(tool, path, 'type function')
    noUnknown(fields, `${path}.function`, 'name description parameters strict')
    checkName(fields['name'], `${path}.function.name`)
    if (isJson(fields['parameters']) && fields['parameters']['type'] !== 'object')
      refuse(
        `Invalid schema for function '${String(fields['name'])}': schema must be a JSON Schema of 'type: "object"'.`,
        `${path}.function.parameters`,
        'invalid_function_parameters',
      )
    return String(fields['name'])
  })
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) refuse(`Duplicate function name: '${twice}'.`, 'tools')
  const forced = isJson(choice) && isJson(choice['function']) ? String(choice['function']['name']) : undefined
  if (forced !== undefined && !names.includes(forced))
    refuse(`Invalid value for 'tool_choice': no function named '${forced}' was specified in the 'tools' parameter.`)
}

const limitedAnew = /^(?:.*\/)?(gpt-5|o1|o3|o4)/

const checkNumbers = (body: Json): void => {
  const ranges: Record<string, [number, number]> = {
    temperature: [0, 2],
    top_p: [0, 1],
    presence_penalty: [-2, 2],
    frequency_penalty: [-2, 2],
  }
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = body[name]
    if (value !== undefined && (typeof value !== 'number' || value < least || value > most))
      refuse(`Invalid '${name}': expected a value between ${least} and ${most}.`, name)
  }
  if (Array.isArray(body['stop']) && body['stop'].length > 4)
    refuse("Invalid 'stop': array too long. Expected an array with maximum length 4.", 'stop', 'array_above_max_length')
}

/** @throws Refusal for a chat completion request that the vendor would not take */
export const checkChatCompletion = ({ body }: Received, flavour: OpenAiFlavour): void => {
  if (holdsHalfCharacter(body)) refuse('We could not parse the JSON body of your request.')
  noUnknown(body, '', `${bodyFields} ${additions[flavour].body}`)
  const { model } = body
  if (typeof model !== 'string' || model === '') refuse('you must provide a model parameter')
  if (body['stream_options'] !== undefined && body['stream'] !== true)
    refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options')
  if (limitedAnew.test(String(model)) && body['max_tokens'] !== undefined)
    refuse(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
      'unsupported_parameter',
    )
  checkNumbers(body)
  checkTools(body)
  checkMessages(body['messages'], flavour)
}
