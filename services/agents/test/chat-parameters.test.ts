import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { eventSubject, MeshError, type CloudEvent } from '@clawmesh/contracts'
import { newId } from '@clawmesh/chassis'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
  agents.asked.length = 0
})

const caller = testCaller({ role: 'operator', userId: 'alice' })
const admin = { ...caller, role: 'admin' as const }
const chat = (more: object, model = 'goclaw:default') =>
  agents.request<Body>(caller, 'POST', '/v1/chat/completions', {
    model,
    messages: [{ role: 'user', content: 'hi' }],
    ...more,
  })
const errorOf = async (more: object) => {
  const { status, body } = await chat(more)
  return [status, body['error']?.code, body['error']?.param]
}

const answerSchema = { type: 'object', properties: { answer: { type: 'string' } } }

describe('a parameter', () => {
  it.each<[object, Partial<ChatRequest>]>([
    [{ max_tokens: 5 }, { options: { maxTokens: 5, temperature: undefined, reasoningEffort: '' } }],
    [
      { max_completion_tokens: 20_000 },
      { options: { maxTokens: 20_000, temperature: undefined, reasoningEffort: '' } },
    ],
    [
      { temperature: 0, reasoning_effort: 'low' },
      { options: expect.objectContaining({ maxTokens: 8_192, temperature: 0, reasoningEffort: 'low' }) },
    ],
    [
      { top_p: 0.5, seed: 7, stop: 'END' },
      { sampling: expect.objectContaining({ topP: 0.5, seed: 7, stop: ['END'] }) },
    ],
    [
      { presence_penalty: 1, frequency_penalty: -1, stop: ['a', 'b'] },
      { sampling: expect.objectContaining({ presencePenalty: 1, frequencyPenalty: -1, stop: ['a', 'b'] }) },
    ],
    [{ logit_bias: { '42': -100 } }, { sampling: expect.objectContaining({ logitBias: { '42': -100 } }) }],
    [{ parallel_tool_calls: false }, { sampling: expect.objectContaining({ parallelToolCalls: false }) }],
    [
      { response_format: { type: 'json_object' } },
      { sampling: expect.objectContaining({ responseFormat: expect.objectContaining({ type: 'json_object' }) }) },
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: answerSchema, strict: true } } },
      {
        sampling: expect.objectContaining({
          responseFormat: {
            type: 'json_schema',
            name: 'a',
            description: '',
            schemaJson: JSON.stringify(answerSchema),
            strict: true,
          },
        }),
      },
    ],
    [
      { response_format: { type: 'text' }, n: 1, stop: null, seed: null, tools: [], logprobs: false, top_logprobs: 0 },
      { sampling: expect.objectContaining({ responseFormat: undefined, stop: [], seed: undefined }) },
    ],
  ])(ruleName('createChatCompletion.honoursParameters', '%j'), async (parameters, expected) => {
    // Every model call of the turn gets it, not just the first.
    agents.model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield done({ content: 'noon' })
      else yield done({ toolCalls: [{ id: 'a', name: 'clock', argumentsJson: '{}', parseError: '' }] })
    }
    expect((await chat(parameters)).status).toBe(200)
    expect(agents.asked).toMatchObject([expected, expected])
  })

  it('is bounded by the token limit of the agent', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'brief', other_config: { max_tokens: 100 } })
    for (const [asked, expected] of [
      [5, 5],
      [500, 100],
    ]) {
      await chat({ max_tokens: asked }, 'goclaw:brief')
      expect(agents.asked.at(-1)!.options!.maxTokens).toBe(expected)
    }
  })

  it.each([
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['audio', { audio: { voice: 'alloy', format: 'mp3' } }],
    ['prediction', { prediction: { type: 'content', content: 'x' } }],
    ['web_search_options', { web_search_options: {} }],
    ['service_tier', { service_tier: 'priority' }],
    ['verbosity', { verbosity: 'low' }],
    ['functions', { functions: [{ name: 'f' }] }],
    ['function_call', { function_call: 'auto' }],
    ['tools', { tools: [{ type: 'custom', custom: { name: 'f' } }] }],
    ['stream_options.include_obfuscation', { stream: true, stream_options: { include_obfuscation: true } }],
  ])(ruleName('createChatCompletion.refusesWhatItCannot', '%s'), async (field, parameters) => {
    expect(await errorOf(parameters)).toEqual([400, 'unsupported_parameter', field])
    expect(agents.asked).toEqual([])
  })

  it('that the provider of the agent cannot honour is refused, streamed or not', async () => {
    agents.model = async function* () {
      throw new MeshError('UNSUPPORTED_PARAMETER', 'error.unsupported_parameter', { provider: 'fake', field: 'seed' })
    }
    for (const stream of [false, true])
      expect(await errorOf({ seed: 1, stream })).toEqual([400, 'unsupported_parameter', 'seed'])
  })

  it('that OpenAI does not have is refused by its name', async () => {
    expect(await errorOf({ top_k: 3 })).toEqual([400, 'unknown_parameter', 'top_k'])
    expect(agents.asked).toEqual([])
  })

  it.each([
    ['temperature', { temperature: 2.1 }],
    ['top_p', { top_p: -1 }],
    ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['seed', { seed: 1.5 }],
    ['logit_bias.42', { logit_bias: { '42': 101 } }],
    ['reasoning_effort', { reasoning_effort: 'enormous' }],
    ['response_format.json_schema.name', { response_format: { type: 'json_schema', json_schema: { name: 'a b' } } }],
    ['metadata', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }],
    ['max_tokens', { max_tokens: 1, max_completion_tokens: 2 }],
    ['stream_options', { stream_options: { include_usage: true } }],
  ])('%s out of bounds is refused', async (field, parameters) => {
    expect(await errorOf(parameters)).toEqual([400, 'INVALID_REQUEST', field])
    expect(agents.asked).toEqual([])
  })

  it('that changes nothing about an answer is taken', async () => {
    const hints = {
      store: true,
      safety_identifier: 's',
      service_tier: 'auto',
      modalities: ['text'],
    }
    expect((await chat(hints)).status).toBe(200)
  })

  describe('for reasoning', () => {
    const optionsOf = async (otherConfig: object, more: object = {}) => {
      const key = `thinker-${newId()}`
      await agents.request(admin, 'POST', '/v1/agents', { agent_key: key, other_config: otherConfig })
      expect(
        (await agents.request(admin, 'POST', '/v1/chat/completions', { ...hi, model: `goclaw:${key}`, ...more }))
          .status,
      ).toBe(200)
      return agents.asked.at(-1)!.options!
    }
    const hi = { messages: [{ role: 'user', content: 'hi' }] }
    const own = { effort: 'high', fallback: 'off' }
    const wish = (reasoningEffort: string, reasoningSource: string, reasoningFallback?: string) => ({
      reasoningEffort,
      reasoningSource,
      ...(reasoningFallback === undefined ? {} : { reasoningFallback }),
    })

    rule('createChatCompletion.reasonsAsTheAgentSays', async () => {
      expect(await optionsOf({ reasoning: own })).toMatchObject(wish('high', 'reasoning', 'off'))
      const both = { reasoning: { ...own, override_mode: 'custom' }, thinking_level: 'low' }
      expect(await optionsOf(both)).toMatchObject(wish('high', 'reasoning', 'off'))
      expect(await optionsOf({ thinking_level: 'low' })).toMatchObject(wish('low', 'thinking_level'))
      const off = { reasoning: { effort: 'off' }, thinking_level: 'low' }
      expect(await optionsOf(off)).toMatchObject(wish('low', 'thinking_level'))
      expect(await optionsOf(both, { reasoning_effort: 'minimal' })).toMatchObject(wish('minimal', 'request'))
      expect((await optionsOf({})).reasoningSource).toBeUndefined()
    })

    it(ruleName('createChatCompletion.inheritsReasoning', 'where the agent says so'), async () => {
      const inherits = { reasoning: { ...own, override_mode: 'inherit' }, thinking_level: 'low' }
      expect(await optionsOf(inherits)).toMatchObject({ reasoningEffort: '', inheritsReasoning: true })
      expect((await optionsOf({ thinking_level: 'low' })).inheritsReasoning).toBeUndefined()
    })
  })

  rule('createChatCompletion.namesThePromptCache', async () => {
    const routingOf = async (parameters: object, user = caller.userId) => {
      const messages = [{ role: 'user', content: 'hi' }]
      const as = { ...caller, userId: user }
      await agents.request(as, 'POST', '/v1/chat/completions', { messages, ...parameters })
      return agents.asked.at(-1)!.routing!
    }
    const first = await routingOf({})
    const again = await routingOf({})
    expect(again.cacheKey).toBe(first.cacheKey)
    expect(again.affinity).not.toBe(first.affinity)
    const named = await routingOf({ prompt_cache_key: 'k' })
    const others = await routingOf({}, 'bob')
    expect(new Set([first, named, others].map(({ cacheKey }) => cacheKey)).size).toBe(3)
  })

  it('none: the second turn of a session begins as the first, so that what was cached of it is found', async () => {
    agents.model = echo
    const talk = (message: string) =>
      agents.request(caller, 'POST', '/v1/agents/default/wake', { message, session_key: 'agent:default:cached' })
    expect((await talk('one')).status).toBe(200)
    expect((await talk('two')).status).toBe(200)
    const [first, second] = agents.asked.filter(({ routing }) => routing?.affinity !== '').slice(-2)
    const said = (request: ChatRequest) => request.messages.map(({ role, content }) => [role, content])
    expect(said(second!)).toEqual([...said(first!), ['assistant', 'echo: one'], ['user', 'two']])
    expect(second!.tools).toEqual(first!.tools)
    expect([first!.routing!.affinity, second!.routing!.affinity]).toEqual([
      first!.routing!.affinity,
      first!.routing!.affinity,
    ])
    expect(first!.routing!.affinity).not.toBe('')
  })

  const recordedRuns = async (): Promise<(id: string) => Promise<Body>> => {
    const runs: CloudEvent[] = []
    await consumeEvents(agents.bus, {
      durable: `runs-${newId()}`,
      subject: eventSubject('runEnded', '*'),
      batchSize: 10,
      handle: async (batch) => void runs.push(...batch),
    })
    return async (id) => {
      const recorded = () => runs.map(({ data }) => data as Body).find(({ trace }) => trace.id.startsWith(id))
      while (recorded() === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
      return recorded()!
    }
  }

  rule('createChatCompletion.notesReasoning', async () => {
    const runOf = await recordedRuns()
    const noteOf = async (fields: object) => {
      agents.model = async function* () {
        yield done({ content: 'hm', ...fields })
      }
      const { body } = await chat({})
      const { spans } = await runOf(String(body['id']).slice('chatcmpl-'.length))
      return spans.find((span: Body) => span['span_type'] === 'llm_call').metadata['reasoning']
    }
    const reasoning = {
      source: 'reasoning',
      requestedEffort: 'xhigh',
      effectiveEffort: 'high',
      fallback: 'downgrade',
      reason: 'downgraded',
      knownModel: true,
      supportedLevels: ['low', 'medium', 'high'],
      usedProviderDefault: false,
    }
    expect(await noteOf({ reasoning })).toEqual({
      source: 'reasoning',
      requested_effort: 'xhigh',
      effective_effort: 'high',
      fallback: 'downgrade',
      reason: 'downgraded',
      known_model: true,
      supported_levels: ['low', 'medium', 'high'],
      used_provider_default: false,
    })
    expect(await noteOf({})).toBeUndefined()
  })

  rule('createChatCompletion.keepsMetadata', async () => {
    const runOf = await recordedRuns()
    const { body } = await chat({ metadata: { ticket: 'A-17' } })
    const { trace } = await runOf(String(body['id']).slice('chatcmpl-'.length))
    expect(trace).toMatchObject({ metadata: { ticket: 'A-17' } })
  })

  rule('createChatCompletion.tagsCosts', async () => {
    const { body: agent } = await agents.request<Body>(admin, 'POST', '/v1/agents', {
      agent_key: 'tagged',
      other_config: { cost_tags: { team: 'blue', wrong: 7, 'no tag': 'x' } },
    })
    const ended: Body[] = []
    await consumeEvents(agents.bus, {
      durable: 'tags',
      subject: eventSubject('runEnded', '*'),
      batchSize: 10,
      handle: async (batch) => void ended.push(...batch.map(({ data }) => data as Body)),
    })
    const metadata = { team: 'red', ticket: 'A-17', 'no tag': 'x', long: 'x'.repeat(129) }
    const tagging = { ...caller, keyTags: { customer: 'acme', team: 'green' } }
    const body = { model: 'goclaw:tagged', metadata, messages: [{ role: 'user', content: 'hi' }] }
    await agents.request(tagging, 'POST', '/v1/chat/completions', body)
    const run = await eventually('its end', async () => ended.find(({ agentId }) => agentId === agent['id']))
    const tags = ['customer:acme', 'team:green', 'ticket:A-17']
    expect(run['trace']).toMatchObject({ tags, metadata })
    expect(run['spans'][0]).toMatchObject({ span_type: 'agent', metadata: { tags } })
  })
})
