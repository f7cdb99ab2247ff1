/** The Anthropic wire against a server that speaks it. */
import { chat } from '../src/chat/chat.ts'
import type { ProviderConnection } from '../src/providers/connection.ts'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { fakeAnthropic, fakeSignature, sentBlocks } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import type { Json } from '../../../test/fakes/json.ts'
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
  fake = await fakeAnthropic()
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
  return collect(
    chat(connectionTo(fake.base, { type: 'anthropic_native', ...connection }), chatRequest(request), options),
  )
}
const sent = (): Json => fake.requests.at(-1)!.body
const options0 = { maxTokens: 0, temperature: undefined, reasoningEffort: '' }
const frame = (body: Json): string => `event: ${String(body['type'])}\ndata: ${JSON.stringify(body)}\n\n`

describe('a streamed answer', () => {
  it('comes as deltas and one done with everything', async () => {
    const usage = { input_tokens: 11, output_tokens: 22, cache_read_input_tokens: 3, cache_creation_input_tokens: 4 }
    const got = await call({ text: 'Chào bạn 👋', thinking: 'x'.repeat(41), usage, model: 'served' })
    expect([got.text, got.thinking]).toEqual(['Chào bạn 👋', 'x'.repeat(41)])
    expect(doneOf(got)).toEqual({
      content: 'Chào bạn 👋',
      thinking: 'x'.repeat(41),
      toolCalls: [],
      finishReason: 'stop',
      usage: { inputTokens: 18, outputTokens: 22, cacheReadTokens: 3, cacheCreationTokens: 4, thinkingTokens: 10 },
      provider: 'test-provider',
      model: 'served',
      providerState: '',
    })
  })

  it('survives borders in the middle of characters and lines', async () => {
    const text = 'Đây là một câu 🎉\nand lines'
    for (const pieceBytes of [1, 3, 7]) expect(doneOf(await call({ text, pieceBytes })).content).toBe(text)
  })

  it('carries parallel tool calls, streamed or whole', async () => {
    const toolCalls = [
      { id: 'toolu_a', name: 'weather', arguments: '{"city":"Hà Nội"}' },
      { id: 'toolu_b', name: 'time', arguments: '{}' },
    ]
    for (const stream of [true, false]) {
      const got = await call({ text: 'looking', toolCalls }, { stream, tools: [tool('weather')] })
      expect(doneOf(got)).toMatchObject({
        content: 'looking',
        finishReason: 'tool_calls',
        toolCalls: [toolCall('toolu_a', 'weather', '{"city":"Hà Nội"}'), toolCall('toolu_b', 'time', '{}')],
        providerState: '',
      })
      if (stream) expect(got.toolTexts).toEqual(['{"city":"Hà Nội"}', '{}'])
    }
  })

  it('reports unreadable arguments instead of failing', async () => {
    const done = doneOf(await call({ toolCalls: [{ name: 'f', arguments: '{"a": 1' }], finish: 'max_tokens' }))
    expect([done.finishReason, done.toolCalls[0]!.argumentsJson]).toEqual(['length', '{}'])
    expect(done.toolCalls[0]!.parseError).toContain('not valid JSON')
  })

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
  ])('translates stop_reason %s to %s', async (finish, expected) => {
    expect(doneOf(await call({ finish })).finishReason).toBe(expected)
  })

  it('that was withheld, or ended for an unknown reason, is not a success', async () => {
    expect(errorOf(await call({ finish: 'refusal' })).code).toBe('INVALID_REQUEST')
    expect(errorOf(await call({ finish: 'something_new' })).params['reason']).toContain('something_new')
  })

  it('passes over events and deltas it does not know', async () => {
    const frames = [
      frame({ type: 'message_start', message: { model: 'm', usage: { input_tokens: 1, output_tokens: 1 } } }),
      frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'he' } }),
      frame({ type: 'brand_new', index: 0 }),
      frame({ type: 'content_block_delta', index: 0, delta: { type: 'brand_new_delta', x: 1 } }),
      frame({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'llo' } }),
      frame({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }),
      frame({ type: 'message_stop' }),
    ]
    expect(doneOf(await call({ frames }))).toMatchObject({ content: 'hello', usage: { outputTokens: 5 } })
  })
})

describe('a request', () => {
  it('has the headers and fields of the protocol', async () => {
    const messages = [message('system', 'be brief'), message('system', 'be kind'), message('user', 'hi')]
    const tools = [tool('a'), tool('b')]
    await call(undefined, { messages, tools, options: { ...options0, temperature: 0.3 } })
    const request = fake.requests[0]!
    expect(request.path).toBe('/v1/messages')
    expect(request.headers).toMatchObject({ 'x-api-key': testKey, 'anthropic-version': '2023-06-01' })
    expect(request.headers).not.toHaveProperty('anthropic-beta')
    const schema = { type: 'object', properties: {} }
    const cache_control = { type: 'ephemeral' }
    expect(request.body).toEqual({
      model: 'test-model',
      max_tokens: 4096,
      system: [
        { type: 'text', text: 'be brief' },
        { type: 'text', text: 'be kind', cache_control },
      ],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      tools: [
        { name: 'a', description: 'does a', input_schema: schema },
        { name: 'b', description: 'does b', input_schema: schema, cache_control },
      ],
      temperature: 0.3,
      stream: true,
    })
  })

  it('marks for the prompt cache what its caller has marked, the last two, all for the same time', async () => {
    const messages = [
      message('system', 'be brief'),
      message('user', 'one', { cacheMark: true }),
      message('assistant', '', { toolCalls: [toolCall('t1', 'f')] }),
      message('tool', 'ok', { toolCallId: 't1', cacheMark: true }),
      message('user', 'two', { cacheMark: true }),
    ]
    const marks = async (cacheTtl?: string) => {
      await call(undefined, { messages, tools: [tool('f')], options: { ...options0, cacheTtl } })
      const { system, tools } = sent() as { system: Json[]; tools: Json[] }
      const blocks = [...system, ...tools, ...[0, 1, 2].flatMap((at) => sentBlocks(fake.requests.at(-1), at))]
      return blocks.map((block) => block['cache_control'])
    }
    const [short, long] = [{ type: 'ephemeral' }, { type: 'ephemeral', ttl: '1h' }]
    expect(await marks()).toEqual([short, short, undefined, undefined, short, short])
    expect(await marks('1h')).toEqual([long, long, undefined, undefined, long, long])
  })

  it.each([
    ['low', 4096, 0, 4096 + 8192],
    ['medium', 10_000, 20_000, 20_000],
    ['high', 32_000, 33_000, 32_000 + 8192],
    ['xhigh', 32_000, 0, 32_000 + 8192],
  ])('with effort %s has a thinking budget and room for the answer', async (effort, budget, maxTokens, expected) => {
    await call(undefined, { options: { maxTokens, temperature: 1, reasoningEffort: effort } })
    expect(sent()).toMatchObject({ max_tokens: expected, thinking: { type: 'enabled', budget_tokens: budget } })
    expect(sent()).not.toHaveProperty('temperature')
    expect(fake.requests[0]!.headers['anthropic-beta']).toBe('interleaved-thinking-2025-05-14')
  })

  it('thinks at no other temperature than its own', async () => {
    const error = errorOf(await call(undefined, { options: { ...options0, temperature: 0.5, reasoningEffort: 'low' } }))
    expect([error.code, error.params['field']]).toEqual(['UNSUPPORTED_PARAMETER', 'temperature'])
    expect(fake.requests).toHaveLength(0)
  })

  it('says which tools are strict', async () => {
    await call(undefined, { tools: [{ ...tool('a'), strict: true }, tool('b')] })
    expect(sent()['tools']).toMatchObject([{ name: 'a', strict: true }, { name: 'b' }])
    expect((sent()['tools'] as object[])[1]).not.toHaveProperty('strict')
  })

  it('resolves the short model names', async () => {
    await call(undefined, { model: 'opus' })
    expect(sent()['model']).toBe('claude-opus-4-6')
    await call(undefined, { model: '' })
    expect(sent()['model']).toBe('claude-sonnet-4-5-20250929')
  })
})

describe('signed thinking', () => {
  const first = {
    text: 'checking',
    thinking: 'I should look',
    toolCalls: [{ id: 'toolu_1', name: 'f', arguments: '{"a":1}' }],
  }

  it.each([true, false])('goes back unchanged with the turn it came in (stream %p)', async (stream) => {
    const done = doneOf(await call(first, { stream, tools: [tool('f')] }))
    const turn = message('assistant', done.content, {
      toolCalls: done.toolCalls,
      thinking: done.thinking,
      providerState: done.providerState,
    })
    const messages = [message('user', 'go'), turn, message('tool', 'ok', { toolCallId: 'toolu_1' })]
    await call(undefined, { messages, options: { ...options0, reasoningEffort: 'low' } })
    expect(sentBlocks(fake.requests.at(-1), 1)).toEqual([
      { type: 'thinking', thinking: 'I should look', signature: fakeSignature },
      { type: 'text', text: 'checking' },
      { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
    ])
    expect(sent()).toHaveProperty('thinking')
  })

  it('that is redacted goes back too', async () => {
    const frames = [
      frame({ type: 'message_start', message: {} }),
      frame({ type: 'content_block_start', index: 0, content_block: { type: 'redacted_thinking', data: 'opaque' } }),
      frame({
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
      }),
      frame({ type: 'message_delta', delta: { stop_reason: 'tool_use' } }),
      frame({ type: 'message_stop' }),
    ]
    const done = doneOf(await call({ frames }))
    expect(JSON.parse(done.providerState)).toEqual({
      anthropic: [
        { type: 'redacted_thinking', data: 'opaque' },
        { type: 'tool_use', id: 't', name: 'f', input: {} },
      ],
    })
    expect(done.usage).toBeUndefined()
  })

  it('missing from a turn that waits for results switches thinking off', async () => {
    const messages = [
      message('user', 'go'),
      message('assistant', '', { toolCalls: [toolCall('t1', 'f')] }),
      message('tool', 'ok', { toolCallId: 't1' }),
    ]
    for (const behind of [[], [message('user', 'and quickly')]]) {
      await call(undefined, {
        messages: [...messages, ...behind],
        options: { ...options0, reasoningEffort: 'high' },
      })
      expect(sent()).not.toHaveProperty('thinking')
    }
  })

  it('of another provider, or of other calls, is left out', async () => {
    const states = [
      '{"openai":{"t1":{"thought_signature":"x"}}}',
      '{"anthropic":[{"type":"tool_use","id":"other"}]}',
      'not json',
    ]
    for (const providerState of states) {
      const turn = message('assistant', 'hm', { toolCalls: [toolCall('t1', 'f', '{"b":2}')], providerState })
      await call(undefined, { messages: [message('user', 'go'), turn, message('tool', 'ok', { toolCallId: 't1' })] })
      expect(sentBlocks(fake.requests.at(-1), 1)).toEqual([
        { type: 'text', text: 'hm' },
        { type: 'tool_use', id: 't1', name: 'f', input: { b: 2 } },
      ])
    }
  })
})
