/** The OpenAI wire against a server that speaks it. */
import fc from 'fast-check'
import { chat } from '../src/chat/chat.ts'
import type { ProviderConnection } from '../src/providers/connection.ts'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import type { Json } from '../../../test/fakes/json.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import {
  chatRequest,
  collect,
  connectionTo,
  doneOf,
  errorOf,
  message,
  testKey,
  testOptions,
  tool,
  toolCall,
  type Collected,
} from './support.ts'

let fake: FakeUpstream
const options = testOptions()
beforeAll(async () => {
  fake = await fakeOpenAi()
})
beforeEach(() => {
  fake.requests.length = 0
})
afterAll(async () => {
  await options.fetcher.destroy()
  await fake.close()
})

const call = (
  script: Script | undefined,
  request: Partial<ChatRequest> = {},
  connection: Partial<ProviderConnection> = {},
): Promise<Collected> => {
  if (script) fake.next(script)
  return collect(chat(connectionTo(fake.base, connection), chatRequest(request), options))
}
const sent = (): Json => fake.requests.at(-1)!.body
const options0 = { maxTokens: 0, temperature: undefined, reasoningEffort: '' }

describe('a streamed answer', () => {
  it('comes as deltas and one done with everything', async () => {
    const got = await call({ text: 'Xin chào, 世界 👋', thinking: 'let me see', chunks: 5, model: 'served-model' })
    const done = doneOf(got)
    expect(got.text).toBe('Xin chào, 世界 👋')
    expect(got.thinking).toBe('let me see')
    expect(done).toMatchObject({
      content: 'Xin chào, 世界 👋',
      thinking: 'let me see',
      toolCalls: [],
      finishReason: 'stop',
      provider: 'test-provider',
      model: 'served-model',
      providerState: '',
    })
    expect(got.events.at(-1)?.event?.$case).toBe('done')
    expect(got.events.filter(({ event }) => event?.$case === 'textDelta').length).toBeGreaterThan(3)
  })

  it('survives borders in the middle of characters and lines', async () => {
    const text = 'Đây là một câu 🎉 with “quotes”\nand lines'
    for (const pieceBytes of [1, 3, 7]) {
      const got = await call({ text, pieceBytes })
      expect(doneOf(got).content).toBe(text)
      expect(got.text).toBe(text)
    }
  })

  it('carries usage with cached and reasoning tokens', async () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 40 },
      completion_tokens_details: { reasoning_tokens: 30 },
    }
    for (const stream of [true, false])
      expect(doneOf(await call({ usage }, { stream })).usage).toEqual({
        inputTokens: 100,
        outputTokens: 50,
        cacheReadTokens: 40,
        cacheCreationTokens: 0,
        thinkingTokens: 30,
      })
    expect(doneOf(await call({ usage: null })).usage).toBeUndefined()
  })

  it('carries parallel tool calls', async () => {
    const toolCalls = [
      { id: 'call_a', name: 'weather', arguments: '{"city":"Hà Nội"}' },
      { id: 'call_b', name: ' time ', arguments: '{}' },
    ]
    for (const stream of [true, false]) {
      const got = await call({ toolCalls }, { stream, tools: [tool('weather'), tool('time')] })
      const done = doneOf(got)
      expect(done.finishReason).toBe('tool_calls')
      expect(done.toolCalls).toEqual([
        toolCall('call_a', 'weather', '{"city":"Hà Nội"}'),
        toolCall('call_b', 'time', '{}'),
      ])
      if (stream) expect(got.toolTexts).toEqual(['{"city":"Hà Nội"}', '{}'])
    }
  })

  it('reports unreadable arguments instead of failing', async () => {
    const got = await call({ toolCalls: [{ name: 'f', arguments: '{"a": 1' }], finish: 'length' })
    const done = doneOf(got)
    expect(done.finishReason).toBe('length')
    expect(done.toolCalls[0]).toMatchObject({ name: 'f', argumentsJson: '{}' })
    expect(done.toolCalls[0]!.parseError).toContain('not valid JSON')
  })

  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['max_tokens', 'length'],
    ['MAX_TOKENS', 'length'],
    ['STOP', 'stop'],
    ['eos', 'stop'],
  ])('translates finish_reason %s to %s', async (finish, expected) => {
    expect(doneOf(await call({ finish })).finishReason).toBe(expected)
  })

  it.each([
    'content_filter',
    'error',
    'SAFETY',
    'RECITATION',
    'function_call_filter: MALFORMED_FUNCTION_CALL',
    'something_new',
  ])('does not take an answer broken off by %s for a success', async (finish) => {
    expect(errorOf(await call({ finish })).params['reason']).toContain(finish)
    expect(fake.requests).toHaveLength(1)
  })

  it('needs [DONE] after the finish_reason, unless the type or the connection is known to leave it out', async () => {
    const script: Script = { text: 'whole', fault: 'unterminated' }
    expect(errorOf(await call(script)).key).toBe('error.stream_cut')
    expect(doneOf(await call(script, {}, { type: 'minimax_native' })).content).toBe('whole')
    expect(doneOf(await call(script, {}, { type: 'perplexity' })).content).toBe('whole')
    expect(doneOf(await call(script, {}, { settings: { done_marker_optional: true } })).content).toBe('whole')
  })

  it('needs a finish_reason, whoever serves it', async () => {
    const frames = ['data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n', 'data: [DONE]\n\n']
    expect(errorOf(await call({ frames }, {}, { type: 'minimax_native' })).key).toBe('error.stream_cut')
  })

  it('takes every form that servers send', async () => {
    const frames = [
      ': keep-alive\n\n',
      'data:{"choices":[]}\n\n',
      'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning":"hm "}}]}\r\n\r\n',
      'event: message\ndata: {"choices":[{"index":0,\ndata: "delta":{"content":"hel"}}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"so"}]},{"type":"text","text":"lo"}]},"finish_reason":null}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
      'data: {"object":"chat.completion","choices":[{"index":0,"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
      'data: [DONE]',
    ]
    const done = doneOf(await call({ frames }))
    expect([done.content, done.thinking, done.usage?.outputTokens]).toEqual(['hello', 'hm so', 2])
  })
})

describe('a whole answer', () => {
  it('is one done and nothing else', async () => {
    const got = await call({ text: 'all at once', thinking: 'hm' }, { stream: false })
    expect(got.events).toHaveLength(1)
    expect(doneOf(got)).toMatchObject({ content: 'all at once', thinking: 'hm', finishReason: 'stop' })
    expect(sent()['stream']).toBe(false)
    expect(sent()).not.toHaveProperty('stream_options')
  })

  it('without a message is a failure', async () => {
    expect(errorOf(await call({ body: { choices: [] } }, { stream: false })).code).toBe('UNAVAILABLE')
  })
})

describe('a request', () => {
  it('goes to the chat path with the key and the protocol fields', async () => {
    await call(undefined, { tools: [tool('f')], options: { ...options0, maxTokens: 9, temperature: 0.5 } })
    const request = fake.requests[0]!
    expect(request.path).toBe('/v1/chat/completions')
    expect(request.headers['authorization']).toBe(`Bearer ${testKey}`)
    expect(request.body).toEqual({
      model: 'test-model',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
      stream_options: { include_usage: true },
      tools: [
        {
          type: 'function',
          function: { name: 'f', description: 'does f', parameters: { type: 'object', properties: {} } },
        },
      ],
      tool_choice: 'auto',
      max_tokens: 9,
      temperature: 0.5,
    })
  })

  it.each([
    ['gpt-4o', { max_tokens: 7, temperature: 1 }],
    ['gpt-5.1', { max_completion_tokens: 7, temperature: 1 }],
    ['openai/gpt-5-mini', { max_completion_tokens: 7 }],
    ['gpt-5-nano-2025', { max_completion_tokens: 7 }],
    ['o1-preview', { max_completion_tokens: 7 }],
    ['o3', { max_completion_tokens: 7 }],
    ['vendor/o4-mini', { max_completion_tokens: 7 }],
  ])('to %s names its limits as that family does', async (model, expected) => {
    await call(undefined, { model, options: { ...options0, maxTokens: 7, temperature: 1 } })
    const { model: _model, messages: _messages, stream: _stream, stream_options: _options, ...rest } = sent()
    expect(rest).toEqual(expected)
  })

  it('to a model of fixed temperature asks for no other', async () => {
    const options = { ...options0, temperature: 0.5 }
    const error = errorOf(await call(undefined, { model: 'o3', options }))
    expect([error.code, error.params['field']]).toEqual(['UNSUPPORTED_PARAMETER', 'temperature'])
    expect(fake.requests).toHaveLength(0)
  })

  it.each([
    ['max', 'gpt-5.1', 'high'],
    ['', 'unknown', undefined],
    ['off', 'gpt-5.1', undefined],
    ['auto', 'gpt-5.1', undefined],
    ['high', 'unknown', 'high'],
    ['xhigh', 'gpt-5.1', 'high'],
    ['minimal', 'gpt-5.1-codex', undefined],
    ['minimal', 'gpt-5', 'minimal'],
  ])('with effort %p to %s sends %p', async (reasoningEffort, model, expected) => {
    await call(undefined, { model, options: { ...options0, reasoningEffort } })
    expect(sent()['reasoning_effort']).toBe(expected)
  })

  it('to DashScope asks for thinking its own way, and only of models that can', async () => {
    const dashscope = { type: 'dashscope' }
    await call(undefined, { model: 'qwen3-max', options: { ...options0, reasoningEffort: 'high' } }, dashscope)
    expect(sent()).toMatchObject({ enable_thinking: true, thinking_budget: 32_768 })
    expect(sent()).not.toHaveProperty('reasoning_effort')
    await call(undefined, { model: 'qwen3-plus', options: { ...options0, reasoningEffort: 'high' } }, dashscope)
    expect(sent()).not.toHaveProperty('enable_thinking')
  })

  it('to DashScope with tools is made whole and replayed as a stream', async () => {
    const script: Script = {
      text: 'so be it',
      thinking: 'hm',
      toolCalls: [{ id: 'c1', name: 'f', arguments: '{"a":1}' }],
    }
    const got = await call(script, { tools: [tool('f')] }, { type: 'dashscope' })
    expect(sent()['stream']).toBe(false)
    expect([got.text, got.thinking, got.toolTexts]).toEqual(['so be it', 'hm', ['{"a":1}']])
    expect(doneOf(got).toolCalls).toEqual([toolCall('c1', 'f', '{"a":1}')])
  })

  it('uses the default model, and openrouter replaces a bare one', async () => {
    await call(undefined, { model: '' })
    expect(sent()['model']).toBe('gpt-4o')
    await call(undefined, { model: 'claude' }, { name: 'openrouter', type: 'openrouter' })
    expect(sent()['model']).toBe('anthropic/claude-sonnet-4-5-20250929')
  })

  it('to minimax goes to its own path', async () => {
    await call(undefined, {}, { type: 'minimax_native' })
    expect(fake.requests[0]!.path).toBe('/v1/text/chatcompletion_v2')
  })

  it('without a needed key is refused, without one for a local server goes out', async () => {
    expect(errorOf(await call(undefined, {}, { apiKey: ' ' })).key).toBe('error.api_key_required')
    expect(fake.requests).toHaveLength(0)
    doneOf(await call(undefined, {}, { type: 'ollama', apiKey: '' }))
    expect(fake.requests[0]!.headers['authorization']).toBe('Bearer ollama')
  })

  it('with a key that cannot be a header is refused as credentials', async () => {
    expect(errorOf(await call(undefined, {}, { apiKey: 'sk-bad\u0001key' })).key).toBe('error.provider_credentials')
  })

  it('with tools that are not schemas, or messages of unknown roles, is refused before it goes out', async () => {
    const bad = { name: 'f', description: '', parametersJson: '[1' }
    expect(errorOf(await call(undefined, { tools: [bad] })).params['field']).toBe('tools.f')
    expect(errorOf(await call(undefined, { messages: [message('narrator', 'x')] })).code).toBe('INVALID_REQUEST')
    expect(fake.requests).toHaveLength(0)
  })
})

describe('strict tools', () => {
  const search = tool('search', {
    type: 'object',
    properties: { query: { type: 'string' }, limit: { type: 'integer' } },
    required: ['query'],
  })

  it('are sent to a provider named openai, and the nulls they cause are taken out again', async () => {
    const toolCalls = [{ id: 'c', name: 'search', arguments: '{"query":"x","limit":null}' }]
    const done = doneOf(await call({ toolCalls }, { tools: [search] }, { name: 'openai' }))
    const [first] = sent()['tools'] as { function: Json }[]
    expect(first!.function).toMatchObject({ strict: true, parameters: { required: ['query', 'limit'] } })
    expect(done.toolCalls).toEqual([toolCall('c', 'search', '{"query":"x"}')])
  })

  it.each([true, false])('are as their owner wrote them, where they say whether to be strict (%s)', async (strict) => {
    const toolCalls = [{ id: 'c', name: 'search', arguments: '{"query":"x","limit":null}' }]
    for (const name of ['openai', 'other']) {
      const done = doneOf(await call({ toolCalls }, { tools: [{ ...search, strict }] }, { name }))
      const [first] = sent()['tools'] as { function: Json }[]
      expect(first!.function['strict']).toBe(strict ? true : undefined)
      expect(first!.function['parameters']).toMatchObject({ required: ['query'] })
      expect(done.toolCalls).toEqual([toolCall('c', 'search', '{"query":"x","limit":null}')])
    }
  })
})

describe('signatures of Gemini', () => {
  const gemini = { name: 'gemini' }

  it('come back with the calls they were given for', async () => {
    const signature = { extra_content: { google: { thought_signature: 'sig==' } } }
    const frames = [
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [{ ...signature, id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] } }] })}\n\n`,
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
      'data: [DONE]\n\n',
    ]
    const done = doneOf(await call({ frames }, { tools: [tool('f')] }, gemini))
    expect(done.finishReason).toBe('tool_calls')
    const turn = message('assistant', '', { toolCalls: done.toolCalls, providerState: done.providerState })
    const messages = [message('user', 'go'), turn, message('tool', 'fine', { toolCallId: 'c1' })]
    await call(undefined, { messages }, gemini)
    expect(sent()['messages']).toEqual([
      { role: 'user', content: 'go' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' }, ...signature }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'fine' },
    ])
  })

  it('missing from a turn turn its results into user text', async () => {
    const messages = [
      message('user', 'go'),
      message('assistant', '', { toolCalls: [toolCall('a', 'f'), toolCall('b', 'g')] }),
      message('tool', 'one', { toolCallId: 'a' }),
      message('tool', 'two', { toolCallId: 'b' }),
    ]
    await call(undefined, { messages }, gemini)
    expect(sent()['messages']).toEqual([
      { role: 'user', content: 'go' },
      { role: 'user', content: 'one\n\ntwo' },
    ])
  })
})

it('gives back any text in any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.integer({ min: 1, max: 20 }),
      async (text, chunks) => {
        const got = await call({ text, chunks })
        expect(doneOf(got).content).toBe(text)
        expect(got.text).toBe(text)
      },
    ),
    { numRuns: 50 },
  )
})
