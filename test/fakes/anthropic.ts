/** A fake Anthropic: messages (streamed and whole) and models, as its documentation has them. */
import { checkMessagesRequest } from './anthropic-rules.ts'
import { contentText, echo, isJson, lastUserText, pieces, startFake, wordCount } from './http-fake.ts'
import type { FakeUpstream, Received, Reply, Script, Vendor } from './http-fake.ts'
import type { Json } from './json.ts'

const defaultChunks = 8
let serial = 0

const frame = (type: string, fields: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

const usageOf = (script: Script, request: Received, text: string): Json => ({
  input_tokens: wordCount(JSON.stringify(request.body['messages'] ?? '')),
  output_tokens: wordCount(text),
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  ...script.usage,
})

/** The signature that thinking blocks of this fake carry. */
export const fakeSignature = 'ErcBCkgIFakeSignature=='

const parsedOr = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return {}
  }
}

const blocksOf = (script: Script, request: Received): Json[] => {
  const calls = script.toolCalls ?? []
  const text = script.text ?? (calls.length > 0 ? '' : echo(lastUserText(request.body)))
  return [
    ...(script.thinking ? [{ type: 'thinking', thinking: script.thinking, signature: fakeSignature }] : []),
    ...(text ? [{ type: 'text', text }] : []),
    ...calls.map(({ id, name, arguments: input }, at) => ({
      type: 'tool_use',
      id: id ?? `toolu_fake_${at + 1}`,
      name,
      input: parsedOr(input),
    })),
  ]
}

const textOf = (blocks: Json[]): string => contentText(blocks)

const finishOf = (script: Script): string => script.finish ?? (script.toolCalls?.length ? 'tool_use' : 'end_turn')

const messageOf = (script: Script, request: Received): Json => ({
  id: `msg_fake${++serial}`,
  type: 'message',
  role: 'assistant',
  model: script.model ?? request.body['model'],
})

const startOf = (block: Json): Json =>
  ({
    text: { type: 'text', text: '' },
    thinking: { type: 'thinking', thinking: '', signature: '' },
    tool_use: { ...block, input: {} },
  })[String(block['type'])] ?? block

const deltasOf = (block: Json, argumentsText: string, count: number): Json[] => {
  const some = (value: unknown, write: (piece: string) => Json): Json[] => pieces(String(value), count).map(write)
  const writers: Record<string, () => Json[]> = {
    text: () => some(block['text'], (text) => ({ type: 'text_delta', text })),
    thinking: () => [
      ...some(block['thinking'], (thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature: block['signature'] },
    ],
    tool_use: () => [
      { type: 'input_json_delta', partial_json: '' },
      ...some(argumentsText, (partial) => ({ type: 'input_json_delta', partial_json: partial })),
    ],
  }
  return writers[String(block['type'])]?.() ?? []
}

const stream = (script: Script, request: Received): Reply => {
  const blocks = blocksOf(script, request)
  const usage = usageOf(script, request, textOf(blocks))
  const count = script.chunks ?? defaultChunks
  const texts = (script.toolCalls ?? []).map((call) => call.arguments)
  const message = { ...messageOf(script, request), content: [], stop_reason: null, stop_sequence: null }
  return {
    frames: [
      frame('message_start', { message: { ...message, usage: { ...usage, output_tokens: 1 } } }),
      frame('ping', {}),
      ...blocks.flatMap((block, index) => [
        frame('content_block_start', { index, content_block: startOf(block) }),
        ...deltasOf(block, block['type'] === 'tool_use' ? (texts.shift() ?? '') : '', count).map((delta) =>
          frame('content_block_delta', { index, delta }),
        ),
        frame('content_block_stop', { index }),
      ]),
    ],
    end: [
      frame('message_delta', {
        delta: { stop_reason: finishOf(script), stop_sequence: null },
        usage: { output_tokens: usage['output_tokens'] },
      }),
      frame('message_stop', {}),
    ],
  }
}

const whole = (script: Script, request: Received): Reply => {
  const content = blocksOf(script, request)
  const usage = usageOf(script, request, textOf(content))
  return {
    body: { ...messageOf(script, request), content, stop_reason: finishOf(script), stop_sequence: null, usage },
  }
}

const messages = (script: Script, request: Received): Reply =>
  (request.body['stream'] === true) === (script.fault !== 'other_form')
    ? stream(script, request)
    : whole(script, request)

const models = (): Reply => ({
  body: {
    data: [
      { type: 'model', id: 'claude-sonnet-4-5-20250929', display_name: 'Claude Sonnet 4.5', created_at: '2025-09-29' },
      { type: 'model', id: 'claude-opus-4-6', display_name: 'Claude Opus 4.6', created_at: '2026-02-01' },
    ],
    has_more: false,
  },
})

const typeOfStatus: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
}

const vendor: Vendor = {
  rules: { 'POST /v1/messages': checkMessagesRequest },
  routes: { 'POST /v1/messages': messages, 'GET /v1/models': models },
  errorBody: (status, { message = `fake error ${status}`, type = typeOfStatus[status] ?? 'api_error' }) => ({
    type: 'error',
    error: { type, message },
    request_id: 'req_fake',
  }),
  errorFrame: ({ message = 'fake error in a stream', type = 'overloaded_error' }) =>
    frame('error', { error: { type, message } }),
  brokenFrame: 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
}

/** Starts a fake Anthropic; `defaults` go under every script. Its `base` is a provider's api_base. */
export const fakeAnthropic = (defaults: Script = {}): Promise<FakeUpstream> => startFake(vendor, '/v1', defaults)

/** The blocks of a recorded request's message, for assertions. */
export const sentBlocks = (request: Received | undefined, at: number): Json[] => {
  const sent = request?.body['messages']
  const message: unknown = Array.isArray(sent) ? sent.at(at) : undefined
  return isJson(message) && Array.isArray(message['content']) ? message['content'].filter(isJson) : []
}
