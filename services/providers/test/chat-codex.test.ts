/** The Responses wire of ChatGPT's backend: what is sent, what is made of its events, and its faults. */
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { chat } from '../src/chat/chat.ts'
import { fakeCodex } from '../../../test/fakes/codex.ts'
import type { FakeUpstream, Script } from '../../../test/fakes/http-fake.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, message, testOptions, tool, toolCall } from './support.ts'
import type { ProviderConnection } from '../src/providers/connection.ts'

const text = 'one two three four five six seven eight'

let fake: FakeUpstream
let options: ReturnType<typeof testOptions>
beforeEach(async () => {
  fake = await fakeCodex({ text })
  options = testOptions()
})
afterEach(async () => {
  await options.fetcher.destroy()
  await fake.close()
})

const account = { type: 'chatgpt_oauth', settings: { account_id: 'acc-1' } }
const call = (fields: Partial<ChatRequest> = {}, script: Script = {}, to: Partial<ProviderConnection> = {}) => {
  fake.next(script)
  return collect(chat(connectionTo(fake.base, { ...account, ...to }), chatRequest(fields), options))
}
const sent = () => fake.requests.at(-1)!.body
type Item = Record<string, unknown>

it('streams text and thinking, and tells usage with what was cached', async () => {
  const usage = {
    input_tokens: 100,
    output_tokens: 20,
    input_tokens_details: { cached_tokens: 64 },
    output_tokens_details: { reasoning_tokens: 5 },
  }
  const got = await call({}, { thinking: 'let me see', usage })
  expect([got.text, got.thinking]).toEqual([text, 'let me see'])
  expect(doneOf(got)).toMatchObject({
    content: text,
    thinking: 'let me see',
    finishReason: 'stop',
    usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 64, cacheCreationTokens: 0, thinkingTokens: 5 },
  })
})

it('always streams from the backend and stores nothing there, whatever was asked', async () => {
  const got = await call({ stream: false, messages: [message('system', 'Be kind.'), message('user', 'hello')] })
  expect([got.text, doneOf(got).content]).toEqual(['', text])
  expect(sent()).toMatchObject({ stream: true, store: false, instructions: 'Be kind.' })
  expect(fake.requests[0]!.headers).toMatchObject({ 'chatgpt-account-id': 'acc-1', 'openai-beta': 'responses=v1' })
})

it('has instructions where nobody gave any', async () => {
  await call()
  expect(sent()['instructions']).not.toBe('')
  expect(fake.refusals).toEqual([])
})

it('calls tools, and sends calls, results and the phase of a text back in its own words', async () => {
  const asked = { tools: [tool('look up')] }
  const first = doneOf(
    await call(asked, { text: 'Looking.', toolCalls: [{ name: 'look_up_x', arguments: '{"a":1}' }] }),
  )
  expect(first).toMatchObject({ finishReason: 'tool_calls', toolCalls: [{ argumentsJson: '{"a":1}', parseError: '' }] })
  const { content, toolCalls, providerState } = first
  await call({
    ...asked,
    messages: [
      message('user', 'hello'),
      message('assistant', content, { toolCalls, providerState }),
      message('tool', 'found', { toolCallId: toolCalls[0]!.id }),
    ],
  })
  expect(fake.refusals).toEqual([])
  const [, said, made, result] = sent()['input'] as Item[]
  expect(said).toMatchObject({ role: 'assistant', phase: 'final_answer' })
  expect(made).toMatchObject({ type: 'function_call', arguments: '{"a":1}' })
  expect(result).toEqual({ type: 'function_call_output', call_id: made!['call_id'], output: 'found' })
})

it('takes a conversation that other vendors have written', async () => {
  const image = { mimeType: 'image/png', data: Buffer.from('x') }
  await call({
    messages: [
      message('user', '', {
        parts: [{ part: { $case: 'text', value: 'see' } }, { part: { $case: 'image', value: image } }],
      }),
      message('assistant', '', {
        thinking: 'hm',
        providerState: JSON.stringify([{ type: 'thinking', thinking: 'hm', signature: 'x' }]),
        toolCalls: [toolCall('toolu_01', 'look'), toolCall('ab12cd34e', 'look')],
      }),
      message('tool', '', { toolCallId: 'toolu_01' }),
      message('user', 'and now?'),
      message('assistant', ''),
      message('user', 'well?'),
    ],
  })
  expect(fake.refusals).toEqual([])
})

it('asks for effort and names the cache of a conversation, without saying whose it is', async () => {
  await call({
    model: 'gpt-5.4',
    options: { maxTokens: 100, temperature: undefined, reasoningEffort: 'high' },
    routing: { fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity: 'agent:a:alice' },
  })
  expect(sent()).toMatchObject({ reasoning: { effort: 'high' } })
  expect(sent()['prompt_cache_key']).toMatch(/^[0-9a-f]{32}$/)
  expect(fake.refusals).toEqual([])
})

it('refuses what the backend does not take', async () => {
  const wanted = { maxTokens: 0, temperature: 0.2, reasoningEffort: '' }
  expect(errorOf(await call({ options: wanted })).code).toBe('UNSUPPORTED_PARAMETER')
  expect(fake.requests).toHaveLength(0)
})

it('calls nobody for an account that is not signed in', async () => {
  expect(errorOf(await call({}, {}, { apiKey: '' })).key).toBe('error.api_key_required')
})

it('says that a limited answer was cut', async () => {
  expect(doneOf(await call({}, { finish: 'incomplete' })).finishReason).toBe('length')
})

it.each([
  { what: 'a failed response', script: { finish: 'failed' }, key: 'error.provider_request_failed' },
  { what: 'a stream without its end', script: { fault: 'unfinished' }, key: 'error.stream_cut' },
  { what: 'a garbled event', script: { fault: 'malformed' }, key: 'error.stream_cut' },
  { what: 'a cut connection', script: { fault: 'cut' }, key: 'error.stream_cut' },
  { what: 'an account that was signed out', script: { status: 401 }, key: 'error.provider_credentials' },
] as const)('makes an error of $what, never an answer', async ({ script, key }) => {
  const got = await call({}, script)
  expect([errorOf(got).key, got.done]).toEqual([key, []])
})
