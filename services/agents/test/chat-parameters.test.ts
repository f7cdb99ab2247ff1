import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { eventSubject, MeshError, type CloudEvent } from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/mesh-api.ts'
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
      { options: { maxTokens: 8_192, temperature: 0, reasoningEffort: 'low' } },
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
      prompt_cache_key: 'k',
      safety_identifier: 's',
      service_tier: 'auto',
      modalities: ['text'],
    }
    expect((await chat(hints)).status).toBe(200)
  })

  rule('createChatCompletion.keepsMetadata', async () => {
    const traces: CloudEvent[] = []
    await consumeEvents(agents.bus, {
      durable: 'metadata',
      subject: eventSubject('runEnded', '*'),
      batchSize: 10,
      handle: async (batch) => void traces.push(...batch),
    })
    const { body } = await chat({ metadata: { ticket: 'A-17' } })
    const id = String(body['id']).slice('chatcmpl-'.length)
    const recorded = () => traces.map(({ data }) => (data as Body)['trace']).find((trace) => trace.id.startsWith(id))
    while (recorded() === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(recorded()).toMatchObject({ metadata: { ticket: 'A-17' } })
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
