/** A fake OpenAI: chat completions (streamed and whole), embeddings and models, as the API reference has them. */
import { echo, lastUserText, pieces, startFake, wordCount, type FakeUpstream, type Script } from './http-fake.ts'
import type { Json } from './json.ts'
import type { Received, Reply, Vendor } from './http-fake.ts'
import { checkChatCompletion, type OpenAiFlavour } from './openai-rules.ts'

const defaultChunks = 8
let serial = 0

const frame = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

const usageOf = (script: Script, request: Received, text: string): Json | null => {
  if (script.usage !== undefined) return script.usage
  const prompt = wordCount(JSON.stringify(request.body['messages'] ?? ''))
  const completion = wordCount(text)
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

interface Said {
  text: string
  thinking: string
  calls: { id: string; name: string; arguments: string }[]
  finish: string
}

const saidOf = (script: Script, request: Received): Said => {
  const calls = (script.toolCalls ?? []).map((call, at) => ({ id: `call_fake_${at + 1}`, ...call }))
  return {
    text: script.text ?? (calls.length > 0 ? '' : echo(lastUserText(request.body))),
    thinking: script.thinking ?? '',
    calls,
    finish: script.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop'),
  }
}

const stream = (script: Script, request: Received): Reply => {
  const { text, thinking, calls, finish } = saidOf(script, request)
  const count = script.chunks ?? defaultChunks
  const head = {
    id: `chatcmpl-fake${++serial}`,
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: script.model ?? request.body['model'],
  }
  const chunk = (delta: Json, finishReason: string | null = null): string =>
    frame({ ...head, choices: [{ index: 0, delta, finish_reason: finishReason }] })
  const usage = usageOf(script, request, text)
  return {
    frames: [
      chunk({ role: 'assistant', content: '' }),
      ...pieces(thinking, count).map((piece) => chunk({ reasoning_content: piece })),
      ...pieces(text, count).map((piece) => chunk({ content: piece })),
      ...calls.flatMap(({ id, name, arguments: text }, index) => [
        chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
        ...pieces(text, count).map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
      ]),
    ],
    end: [chunk({}, finish), ...(usage ? [frame({ ...head, choices: [], usage })] : []), 'data: [DONE]\n\n'],
  }
}

const whole = (script: Script, request: Received): Reply => {
  const { text, thinking, calls, finish } = saidOf(script, request)
  const usage = usageOf(script, request, text)
  const message = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(thinking ? { reasoning_content: thinking } : {}),
    ...(calls.length > 0
      ? {
          tool_calls: calls.map(({ id, name, arguments: text }) => ({
            id,
            type: 'function',
            function: { name, arguments: text },
          })),
        }
      : {}),
  }
  return {
    body: {
      id: `chatcmpl-fake${++serial}`,
      object: 'chat.completion',
      created: 1_700_000_000,
      model: script.model ?? request.body['model'],
      choices: [{ index: 0, message, finish_reason: finish }],
      ...(usage ? { usage } : {}),
    },
  }
}

const chat = (script: Script, request: Received): Reply =>
  (request.body['stream'] === true) === (script.fault !== 'other_form')
    ? stream(script, request)
    : whole(script, request)

const defaultDimensions = 8

/** A vector that depends on the text alone, so that order can be checked. */
export const fakeVector = (text: string, dimensions: number): number[] => {
  let hash = 7
  for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) % 1_000_003
  return Array.from({ length: dimensions }, (_, at) => ((hash + at * 97) % 1000) / 1000)
}

const embeddings = (_script: Script, { body }: Received): Reply => {
  const texts = (Array.isArray(body['input']) ? body['input'] : [body['input']]).map(String)
  const dimensions = typeof body['dimensions'] === 'number' ? body['dimensions'] : defaultDimensions
  const data = texts.map((text, index) => ({ object: 'embedding', index, embedding: fakeVector(text, dimensions) }))
  const tokens = texts.reduce((sum, text) => sum + wordCount(text), 0)
  return {
    body: {
      object: 'list',
      // The protocol promises an index, not an order.
      data: data.reverse(),
      model: body['model'],
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    },
  }
}

const models = (): Reply => ({
  body: {
    object: 'list',
    data: ['gpt-4o', 'gpt-5.4', 'gpt-4o-mini'].map((id) => ({ id, object: 'model', created: 1, owned_by: 'fake' })),
  },
})

const geminiModels = (): Reply => ({
  body: { models: [{ name: 'models/gemini-2.0-flash', displayName: 'Gemini 2.0 Flash' }] },
})

const vendorOf = (flavour: OpenAiFlavour): Vendor => ({
  rules: {
    'POST /v1/chat/completions': (request) => checkChatCompletion(request, flavour),
    'POST /v1/text/chatcompletion_v2': (request) => checkChatCompletion(request, flavour),
  },
  routes: {
    'POST /v1/chat/completions': chat,
    'POST /v1/text/chatcompletion_v2': chat,
    'POST /v1/embeddings': embeddings,
    'GET /v1/models': models,
    'GET /v1beta/models': geminiModels,
  },
  errorBody: (status, { message = `fake error ${status}`, type = status >= 500 ? 'server_error' : 'fake_error' }) => ({
    error: { message, type, param: null, code: null },
  }),
  errorFrame: ({ message = 'fake error in a stream', type = 'server_error' }) =>
    frame({ error: { message, type, param: null, code: null } }),
  brokenFrame: 'data: {"id":"chatcmpl-fake","choices":[{"index":0,"del\n\n',
})

/**
 * Starts a fake OpenAI; `defaults` go under every script. Its `base` is a provider's api_base. The flavour says whose
 * rules hold for requests.
 */
export const fakeOpenAi = (
  defaults: Script = {},
  flavour: OpenAiFlavour = 'compatible',
  host?: string,
): Promise<FakeUpstream> => startFake(vendorOf(flavour), '/v1', defaults, host)
