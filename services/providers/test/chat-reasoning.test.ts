/** How hard a model is sent to think, and what is said of it afterwards. */
import type { ChatOptions } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { decideReasoning } from '../src/chat/reasoning.ts'
import { chat } from '../src/chat/chat.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { ruleName } from '../../../test/support/rule.ts'
import { chatRequest, collect, connectionTo, doneOf, testOptions } from './support.ts'

const wish = (reasoningEffort: string, reasoningFallback?: string): Partial<ChatOptions> => ({
  reasoningEffort,
  reasoningSource: 'reasoning',
  reasoningFallback,
})
const decided = (model: string, options: Partial<ChatOptions>, canReason = true, settings = {}) => {
  const { sent, decision } = decideReasoning(model, canReason, options, settings)!
  return [decision.effectiveEffort, sent, decision.reason]
}

describe(ruleName('createChatCompletion.neverThinksHarder', 'than was asked'), () => {
  it.each<[string, string, string | undefined, string[]]>([
    ['gpt-5.4', 'off', undefined, ['off', '', 'off']],
    ['gpt-5.4', 'high', undefined, ['high', 'high', 'supported']],
    ['gpt-5.3-codex', 'auto', undefined, ['medium', '', 'model_default']],
    ['nobody-knows', 'auto', undefined, ['auto', '', 'unknown_model']],
    ['nobody-knows', 'xhigh', 'off', ['xhigh', 'xhigh', 'unknown_model']],
    ['gpt-5.1', 'xhigh', undefined, ['high', 'high', 'downgraded']],
    ['gpt-5.1', 'xhigh', 'nonsense', ['high', 'high', 'downgraded']],
    ['gpt-5.1-codex-max', 'low', 'downgrade', ['none', 'none', 'downgraded']],
    ['gpt-5.3-codex', 'minimal', 'downgrade', ['off', '', 'no_lower_level']],
    ['gpt-5.1', 'xhigh', 'off', ['off', '', 'fallback_off']],
    ['gpt-5.3-codex', 'none', 'provider_default', ['medium', '', 'fallback_provider_default']],
    ['vendor/GPT-5', 'minimal', undefined, ['minimal', 'minimal', 'supported']],
  ])('%s asked for %s with fallback %s thinks %s', (model, effort, fallback, outcome) => {
    expect(decided(model, wish(effort, fallback))).toEqual(outcome)
  })

  it('and a provider that cannot be told thinks as it does', () => {
    expect(decided('gpt-5.4', wish('high'), false)).toEqual(['off', '', 'unsupported_provider'])
  })
})

describe(ruleName('createChatCompletion.inheritsReasoning', 'from the provider'), () => {
  const inherits = { reasoningEffort: 'low', reasoningSource: 'thinking_level', inheritsReasoning: true }

  it('whose defaults count, and nothing else', () => {
    const settings = { reasoning_defaults: { effort: 'xhigh', fallback: 'off' } }
    const { sent, decision } = decideReasoning('gpt-5.1', true, inherits, settings)!
    expect(sent).toBe('')
    expect(decision).toEqual({
      source: 'provider_default',
      requestedEffort: 'xhigh',
      effectiveEffort: 'off',
      fallback: 'off',
      reason: 'fallback_off',
      knownModel: true,
      supportedLevels: ['none', 'low', 'medium', 'high'],
      usedProviderDefault: true,
    })
  })

  it.each([{}, { reasoning_defaults: null }, { reasoning_defaults: { fallback: 'off' } }])(
    'and without any nobody wants anything: %j',
    (settings) => {
      expect(decideReasoning('gpt-5.1', true, inherits, settings)).toBeUndefined()
    },
  )
})

it('a call tells its model what was decided, and its answer says so', async () => {
  const fake = await fakeOpenAi()
  const options = testOptions()
  const ask = async (wished: Partial<ChatOptions>) => {
    const request = chatRequest({
      model: 'gpt-5.1',
      options: { maxTokens: 9, temperature: undefined, reasoningEffort: '', ...wished },
    })
    const settings = { reasoning_defaults: { effort: 'low' } }
    const done = doneOf(await collect(chat(connectionTo(fake.base, { settings }), request, options)))
    const body = fake.requests.at(-1)!.body as Record<string, unknown>
    return [body['reasoning_effort'], done.reasoning?.effectiveEffort, done.reasoning?.source]
  }
  expect(await ask(wish('xhigh'))).toEqual(['high', 'high', 'reasoning'])
  expect(await ask(wish('off'))).toEqual([undefined, 'off', 'reasoning'])
  expect(await ask({ inheritsReasoning: true })).toEqual(['low', 'low', 'provider_default'])
  expect(await ask({})).toEqual([undefined, undefined, undefined])
  await options.fetcher.destroy()
  await fake.close()
})
