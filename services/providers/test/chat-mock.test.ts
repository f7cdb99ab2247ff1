import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { chat } from '../src/chat/chat.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, message, testOptions, tool } from './support.ts'

const options = testOptions()
afterAll(() => options.fetcher.destroy())
const connection = connectionTo('', { type: 'mock', name: 'mock', apiKey: '' })
const call = (request: Partial<ChatRequest>) =>
  collect(chat(connection, chatRequest({ model: '', ...request }), options))

describe('the mock provider', () => {
  it('says what it is and answers about the last user message, word by word', async () => {
    const messages = [message('user', 'first'), message('assistant', 'ok'), message('user', 'what is up?  ')]
    const got = await call({ messages })
    const done = doneOf(got)
    expect(done.content).toBe('[mock provider of an embedded Clawmesh, not a language model] You said: what is up?')
    expect(got.text).toBe(done.content)
    expect(got.events).toHaveLength(done.content.split(' ').length + 1)
    expect(done).toMatchObject({
      finishReason: 'stop',
      model: 'mock',
      provider: 'mock',
      usage: { inputTokens: 5, outputTokens: 15 },
    })
    expect((await call({ messages })).events).toEqual(got.events)
  })

  it('calls the offered tools it is told to, then tells their results', async () => {
    const tools = [tool('list_files'), tool('exec')]
    const user = message('user', 'please\ncall list_files {"path":"."}\ncall exec\ncall unknown {}\nthanks')
    const first = doneOf(await call({ messages: [user], tools }))
    expect(first).toMatchObject({
      content: '',
      finishReason: 'tool_calls',
      toolCalls: [
        { id: 'call_mock_1_1', name: 'list_files', argumentsJson: '{"path":"."}' },
        { id: 'call_mock_1_2', name: 'exec', argumentsJson: '{}' },
      ],
    })
    const messages = [
      user,
      message('assistant', '', { toolCalls: first.toolCalls }),
      message('tool', 'a.txt', { toolCallId: 'call_mock_1_1' }),
      message('tool', 'boom', { toolCallId: 'call_mock_1_2', isError: true }),
    ]
    const got = await call({ messages, tools })
    expect(doneOf(got).content).toContain('The tools answered:\n- list_files: a.txt\n- exec failed: boom')
    expect(got.text).toBe(doneOf(got).content)
  })

  it('answers whole when not asked to stream, and keeps to max_tokens', async () => {
    const got = await call({ stream: false, options: { maxTokens: 3, temperature: undefined, reasoningEffort: '' } })
    expect(got.events).toHaveLength(1)
    expect(doneOf(got)).toMatchObject({ content: '[mock provider of', finishReason: 'length' })
  })

  it('can be cancelled', async () => {
    const events = chat(connection, chatRequest(), { ...options, signal: AbortSignal.abort() })
    expect(errorOf(await collect(events)).code).toBe('CANCELLED')
  })
})
