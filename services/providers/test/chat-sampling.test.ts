/** OpenAI's sampling parameters, in each protocol's words or refused: never dropped. */
import type { ChatRequest, Sampling } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { errorBody } from '@clawmesh/contracts'
import { chat } from '../src/chat/chat.ts'
import { fakeAnthropic } from '../../../test/fakes/anthropic.ts'
import type { FakeUpstream } from '../../../test/fakes/http-fake.ts'
import type { Json } from '../../../test/fakes/json.ts'
import { fakeOpenAi } from '../../../test/fakes/openai.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, testOptions, tool, type Collected } from './support.ts'

const nothing: Sampling = {
  topP: undefined,
  stop: [],
  seed: undefined,
  presencePenalty: undefined,
  frequencyPenalty: undefined,
  responseFormat: undefined,
  parallelToolCalls: undefined,
  logitBias: {},
  toolChoice: undefined,
}
const format = (type: string, fields = {}) => ({ type, name: '', description: '', schemaJson: '', ...fields })
const choice = (type: string, name = '') => ({ type, name })
const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }

let openAi: FakeUpstream
let mistral: FakeUpstream
let anthropic: FakeUpstream
const options = testOptions()
beforeAll(async () => {
  openAi = await fakeOpenAi({}, 'openai')
  mistral = await fakeOpenAi({}, 'mistral')
  anthropic = await fakeAnthropic()
})
afterAll(async () => {
  await options.fetcher.destroy()
  for (const fake of [openAi, mistral, anthropic]) await fake.close()
})

const fakeOf = (type: string): FakeUpstream =>
  type === 'anthropic_native' ? anthropic : type === 'mistral' ? mistral : openAi
const ask = (type: string, sampling: Partial<Sampling>, request: Partial<ChatRequest> = {}): Promise<Collected> =>
  collect(
    chat(
      connectionTo(fakeOf(type).base, { type }),
      chatRequest({ stream: false, sampling: { ...nothing, ...sampling }, ...request }),
      options,
    ),
  )
const sent = async (type: string, sampling: Partial<Sampling>, request: Partial<ChatRequest> = {}): Promise<Json> => {
  doneOf(await ask(type, sampling, request))
  return fakeOf(type).requests.at(-1)!.body
}
const tools = [tool('files.list'), tool('plain')]

describe('OpenAI is sent', () => {
  it.each<[Partial<Sampling>, Json]>([
    [{ topP: 0.5 }, { top_p: 0.5 }],
    [{ stop: ['a', 'b'] }, { stop: ['a', 'b'] }],
    [{ seed: 7 }, { seed: 7 }],
    [
      { presencePenalty: 1, frequencyPenalty: -1 },
      { presence_penalty: 1, frequency_penalty: -1 },
    ],
    [{ logitBias: { '50256': -100 } }, { logit_bias: { '50256': -100 } }],
    [{ responseFormat: format('json_object') }, { response_format: { type: 'json_object' } }],
    [{ responseFormat: format('text') }, { response_format: { type: 'text' } }],
    [
      {
        responseFormat: format('json_schema', {
          name: 'n',
          description: 'd',
          schemaJson: JSON.stringify(schema),
          strict: true,
        }),
      },
      { response_format: { type: 'json_schema', json_schema: { name: 'n', description: 'd', schema, strict: true } } },
    ],
  ])('%j as %j', async (sampling, fields) => {
    expect(await sent('openai_compat', sampling)).toMatchObject(fields)
  })

  it('what goes with tools only with tools, names as the tools have them', async () => {
    const body = await sent(
      'openai_compat',
      { parallelToolCalls: false, toolChoice: choice('function', 'files.list') },
      { tools },
    )
    const [first] = body['tools'] as { function: { name: string } }[]
    expect(body).toMatchObject({
      parallel_tool_calls: false,
      tool_choice: { type: 'function', function: { name: first!.function.name } },
    })
    expect((await sent('openai_compat', { toolChoice: choice('required') }, { tools }))['tool_choice']).toBe('required')
    expect((await sent('openai_compat', { toolChoice: choice('none') }, { tools }))['tool_choice']).toBe('none')
    const bare = await sent('openai_compat', { parallelToolCalls: false, toolChoice: choice('none') })
    expect(Object.keys(bare)).toEqual(['model', 'messages', 'stream'])
  })
})

it('Mistral has its own word for a seed', async () => {
  expect(await sent('mistral', { seed: 3 })).toMatchObject({ random_seed: 3 })
})

describe('Anthropic is sent', () => {
  it.each<[Partial<Sampling>, Json]>([
    [{ topP: 0.5 }, { top_p: 0.5 }],
    [{ stop: ['a'] }, { stop_sequences: ['a'] }],
    [
      { responseFormat: format('json_schema', { schemaJson: JSON.stringify(schema) }) },
      { output_config: { format: { type: 'json_schema', schema } } },
    ],
    [{ toolChoice: choice('auto') }, { tool_choice: { type: 'auto' } }],
    [{ toolChoice: choice('none') }, { tool_choice: { type: 'none' } }],
    [{ toolChoice: choice('required') }, { tool_choice: { type: 'any' } }],
    [{ toolChoice: choice('function', 'plain') }, { tool_choice: { type: 'tool', name: 'plain' } }],
    [{ parallelToolCalls: false }, { tool_choice: { type: 'auto', disable_parallel_tool_use: true } }],
  ])('%j as %j', async (sampling, fields) => {
    expect(await sent('anthropic_native', sampling, { tools })).toMatchObject(fields)
  })

  it('no thinking where a call is forced, as the two exclude each other', async () => {
    const request = { tools, options: { maxTokens: 0, temperature: undefined, reasoningEffort: 'low' } }
    expect(await sent('anthropic_native', { toolChoice: choice('required') }, request)).not.toHaveProperty('thinking')
  })
})

describe('what a provider cannot honour', () => {
  it.each<[string, string, Partial<Sampling>]>([
    ['anthropic_native', 'seed', { seed: 1 }],
    ['anthropic_native', 'presence_penalty', { presencePenalty: 0 }],
    ['anthropic_native', 'frequency_penalty', { frequencyPenalty: 1 }],
    ['anthropic_native', 'logit_bias', { logitBias: { '1': 1 } }],
    ['anthropic_native', 'response_format', { responseFormat: format('json_object') }],
    ['mistral', 'logit_bias', { logitBias: { '1': 1 } }],
    ['perplexity', 'seed', { seed: 1 }],
    ['deepseek', 'parallel_tool_calls', { parallelToolCalls: false }],
    ['cohere', 'logit_bias', { logitBias: { '1': 1 } }],
    ['mock', 'response_format', { responseFormat: format('json_object') }],
  ])('%s refuses as unsupported_parameter %s', async (type, field, sampling) => {
    const before = fakeOf(type).requests.length
    const error = errorOf(await ask(type, sampling))
    expect(error.code).toBe('UNSUPPORTED_PARAMETER')
    expect(errorBody(error, 'en', 'openai')).toEqual({
      error: {
        message: `provider test-provider does not support the parameter ${field}`,
        type: 'invalid_request_error',
        code: 'unsupported_parameter',
        param: field,
      },
    })
    expect(fakeOf(type).requests).toHaveLength(before)
  })

  it('does not include what would happen anyway', async () => {
    await sent('anthropic_native', {
      responseFormat: format('text'),
      parallelToolCalls: true,
      toolChoice: choice('auto'),
    })
    await sent('perplexity', { parallelToolCalls: true })
  })
})

describe('what means nothing is refused before it goes out', () => {
  it.each<[string, Partial<Sampling>, Partial<ChatRequest>]>([
    ['response_format', { responseFormat: format('xml') }, {}],
    ['response_format', { responseFormat: format('json_schema', { schemaJson: '[1' }) }, {}],
    ['response_format', { responseFormat: format('json_schema', { schemaJson: '{"a":'.repeat(50_000) }) }, {}],
    ['tool_choice', { toolChoice: choice('any') }, { tools }],
    ['tool_choice', { toolChoice: choice('required') }, {}],
    ['tool_choice', { toolChoice: choice('function', 'gone') }, { tools }],
  ])('%s %j', async (field, sampling, request) => {
    for (const type of ['openai_compat', 'anthropic_native']) {
      const error = errorOf(await ask(type, sampling, request))
      expect([error.code, error.params['field']]).toEqual(['INVALID_REQUEST', field])
    }
  })
})

it('the mock provider calls nothing where none is chosen, and stops where it is told', async () => {
  const messages = [{ ...chatRequest().messages[0]!, content: 'call plain {}' }]
  expect(doneOf(await ask('mock', {}, { messages, tools })).toolCalls).toHaveLength(1)
  expect(doneOf(await ask('mock', { toolChoice: choice('none') }, { messages, tools })).toolCalls).toEqual([])
  expect(doneOf(await ask('mock', { stop: ['You'] })).content).not.toContain('You')
})
