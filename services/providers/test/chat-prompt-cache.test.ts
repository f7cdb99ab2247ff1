/** What of a conversation a prompt cache gives back, against a fake that keeps one as Anthropic does. */
import type { ChatMessage, Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { chat } from '../src/chat/chat.ts'
import { openAiBody } from '../src/chat/protocols/openai/request.ts'
import { resolveTarget } from '../src/providers/connection.ts'
import { createAnthropicCache } from '../../../test/fakes/anthropic-cache.ts'
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import { noRouting } from '../src/routing/candidates.ts'
import { ruleName } from '../../../test/support/rule.ts'
import { chatRequest, collect, connectionTo, doneOf, message, testOptions, tool, toolCall } from './support.ts'

const options = testOptions()
let fake: FakeUpstream
beforeEach(async () => {
  fake = await fakeAnthropic()
  const usageOf = createAnthropicCache()
  fake.rule = ({ body }) => ({ text: 'an answer', usage: usageOf(body) })
})
afterEach(() => fake.close())
afterAll(() => options.fetcher.destroy())

const long = (about: string) => `${about} ${'word '.repeat(300)}`
const system = message('system', long('Rules:'))
const tools = [tool('search'), tool('read')]

const usageOf = async (said: readonly ChatMessage[], affinity = 'agent:a:alice'): Promise<Usage> => {
  const routing = { fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity }
  const request = chatRequest({ model: 'claude-sonnet-4-5', messages: [system, ...said], tools, routing })
  const connection = connectionTo(fake.base, { type: 'anthropic_native' })
  return doneOf(await collect(chat(connection, request, options))).usage!
}

it('the second turn reads all of the first from it, and keeps itself for the third', async () => {
  const first = [message('user', long('One.'))]
  const second = [...first, message('assistant', 'an answer'), message('user', 'Two.')]
  const third = [...second, message('assistant', 'an answer'), message('user', 'Three.')]

  const one = await usageOf(first)
  expect([one.cacheReadTokens, one.cacheCreationTokens]).toEqual([0, one.inputTokens])
  const two = await usageOf(second)
  expect(two.cacheReadTokens).toBe(one.inputTokens)
  const three = await usageOf(third)
  expect(three.cacheReadTokens).toBe(two.inputTokens)
  for (const { cacheReadTokens, inputTokens } of [two, three])
    expect(cacheReadTokens / inputTokens).toBeGreaterThan(0.95)
})

it('a turn that calls many tools at once goes on from where it was', async () => {
  const calls = Array.from({ length: 30 }, (_, at) => toolCall(`toolu_${at}`, 'search', `{"q":"${at}"}`))
  const first = [message('user', long('Look.'))]
  const results = calls.map(({ id }) => message('tool', `found ${id}`, { toolCallId: id }))
  const one = await usageOf(first)
  // More blocks than are looked at from the last mark.
  const two = await usageOf([...first, message('assistant', '', { toolCalls: calls }), ...results])
  expect(two.cacheReadTokens).toBe(one.inputTokens)
})

it('a question of its own, which nobody goes on with, writes nothing of itself', async () => {
  const words = long('Sum up.')
  const once = await usageOf([message('user', words)], '')
  expect(once.inputTokens - once.cacheCreationTokens).toBeGreaterThan(300)
})

describe('its name', () => {
  const body = (base: string, routing: { affinity: string; cacheKey?: string }) =>
    openAiBody(resolveTarget(connectionTo(base)), {
      ...chatRequest({ model: 'gpt-5', routing: { ...noRouting, ...routing } }),
      options: { maxTokens: 0, temperature: undefined, reasoningEffort: '' },
    })
  const openAi = 'https://api.openai.com/v1'

  it(ruleName('createChatCompletion.namesThePromptCache', 'is told OpenAI, hashed'), () => {
    const name = body(openAi, { affinity: 'agent:a:alice' })['prompt_cache_key']
    expect(name).toMatch(/^[0-9a-f]{32}$/)
    expect(body(openAi, { affinity: 'agent:a:alice' })['prompt_cache_key']).toBe(name)
    const shared = ['one', 'two'].map((affinity) => body(openAi, { affinity, cacheKey: 'alice' })['prompt_cache_key'])
    expect(shared).toEqual([shared[0], shared[0]])
    expect(shared[0]).not.toBe(name)
    expect(body(openAi, { affinity: '' })).not.toHaveProperty('prompt_cache_key')
  })

  it.each(['https://models.azure.com/openai', 'https://openrouter.ai/api/v1', 'http://127.0.0.1:8000/v1'])(
    'is not told %s',
    (base) => expect(body(base, { affinity: 'agent:a:alice' })).not.toHaveProperty('prompt_cache_key'),
  )
})
