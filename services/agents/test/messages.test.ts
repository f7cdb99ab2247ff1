/** Anthropic's Messages API: what of a request reaches the model, and what the client is answered. */
import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest, type Script } from './stand-ins.ts'

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
const say = (content: unknown) => ({ role: 'user', content })
const hello = [say('hello')]
const send = <B = Body>(body: object = {}, as = caller, path = '') =>
  agents.request<B>(as, 'POST', `/v1/messages${path}`, {
    model: 'goclaw:default',
    messages: hello,
    ...(path === '' ? { max_tokens: 1_000 } : {}),
    ...body,
  })
const count = async (body: object = {}) => {
  const answer = await send(body, caller, '/count_tokens')
  return { ...answer, tokens: answer.body['input_tokens'] as number }
}
const weather = { name: 'weather', description: 'tells it', input_schema: { type: 'object', properties: {} } }
const call = (name: string, argumentsJson = '{"city":"Hanoi"}') => ({
  id: `m_${name}`,
  name,
  argumentsJson,
  parseError: '',
})
const thought = (value: string) => ({ event: { $case: 'thinkingDelta', value } }) as const
const shown = (at = -1): ChatMessage[] => agents.asked.at(at)!.messages
const rolesShown = (at = -1) => shown(at).map(({ role }) => role)
const sessions = async () =>
  (await agents.request<{ sessions: Body[] }>(admin, 'GET', '/v1/sessions?limit=500')).body.sessions
const storedOf = async (key: string) =>
  (await agents.request<Body>(admin, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body['messages'] as Body[]
const eventsOf = async (body: object = {}): Promise<Body[]> =>
  String((await send<string>({ stream: true, ...body })).body)
    .split('\n\n')
    .filter((frame) => frame.includes('data: {'))
    .map((frame) => {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(frame)!
      return { event, ...JSON.parse(data!) } as Body
    })
const typesOf = (events: readonly Body[]) => events.map(({ type }) => type)

/** Looks at the clock, then asks for the client's weather, then answers. */
const asksBoth: Script = async function* ({ messages }) {
  const results = messages.filter(({ role }) => role === 'tool')
  if (results.length === 0) {
    yield text('Let me see. ')
    yield done({ content: 'Let me see. ', toolCalls: [call('clock')], finishReason: 'tool_calls' })
  } else if (results.length === 1) yield done({ toolCalls: [call('weather')], finishReason: 'tool_calls' })
  else {
    const content = `so: ${results.at(-1)!.content}`
    yield text(content)
    yield done({ content })
  }
}
const calling = (...names: string[]): Script =>
  async function* () {
    yield done({ toolCalls: names.map((name) => call(name)), finishReason: 'tool_calls' })
  }
const resultOf = ({ body }: { body: Body }, content: unknown = 'rain', more: object = {}) => ({
  type: 'tool_result',
  tool_use_id: body['content'].at(-1).id as string,
  content,
  ...more,
})

describe('a message', () => {
  rule('createMessage.answersWhole', async () => {
    const usage = {
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 6,
      cacheCreationTokens: 3,
      thinkingTokens: 0,
    }
    agents.model = async function* () {
      yield text('Hi.')
      yield done({ content: 'Hi.', usage, finishReason: 'length' })
    }
    const { status, body, headers } = await send()
    expect([status, headers.get('request-id')]).toEqual([200, expect.any(String)])
    expect(body).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
      type: 'message',
      role: 'assistant',
      model: 'goclaw:default',
      content: [{ type: 'text', text: 'Hi.', citations: null }],
      stop_reason: 'max_tokens',
      stop_sequence: null,
      usage: { input_tokens: 1, cache_creation_input_tokens: 3, cache_read_input_tokens: 6, output_tokens: 5 },
    })
    agents.model = async function* () {
      yield done({ content: 'NO_REPLY', usage: undefined })
    }
    const none = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 }
    expect((await send()).body).toMatchObject({ content: [{ text: '' }], stop_reason: 'end_turn', usage: none })
  })

  rule('createMessage.findsTheAgent', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'hers' })
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'asleep', status: 'inactive' })
    const statusOf = async (model: string, as = caller) => (await send({ model }, as)).status
    for (const model of ['goclaw:hers', 'agent:default', 'claude-sonnet-4-5']) expect(await statusOf(model)).toBe(200)
    for (const model of ['goclaw:nobody', 'goclaw:asleep']) expect(await statusOf(model)).toBe(404)
    expect(await statusOf('goclaw:hers', { ...caller, userId: 'mallory' })).toBe(403)
    expect((await send({ model: 'claude-sonnet-4-5' })).body['model']).toBe('claude-sonnet-4-5')
  })

  rule('createMessage.toleratesVersions', async () => {
    const newest: Record<string, string> = { 'anthropic-version': '2099-01-01', 'anthropic-beta': 'a-1,b-2' }
    for (const headers of [{}, newest]) {
      const body = { max_tokens: 9, messages: hello }
      expect((await agents.request(caller, 'POST', '/v1/messages', body, headers)).status).toBe(200)
    }
  })

  rule('createMessage.namesTheUser', async () => {
    const userOf = async (as: Partial<typeof caller>) => {
      await send({ metadata: { user_id: 'somebody-else' } }, { ...caller, ...as })
      return (await sessions())[0]!['userID']
    }
    expect(await userOf({})).toBe('alice')
    expect(await userOf({ userId: '', fallbackUserId: 'gateway' })).toBe('gateway')
  })

  rule('createMessage.hasASessionOfItsOwn', async () => {
    const earlier = [say('one'), { role: 'assistant', content: 'unus' }]
    const { body } = await send({ messages: [...earlier, say('two')] })
    const key = `agent:default:messages-alice-${String(body['id']).slice('msg_'.length, 'msg_'.length + 8)}`
    expect((await storedOf(key)).map(({ content }) => content)).toEqual(['two', 'echo: two'])
    expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'user'])
  })

  rule('createMessage.showsThinking', async () => {
    agents.model = async function* () {
      yield thought('Hm, ')
      yield thought('well.')
      yield text('Yes.')
      yield done({ content: 'Yes.', thinking: 'Hm, well.' })
    }
    const thinking = { type: 'enabled', budget_tokens: 2_000 }
    const block = { type: 'thinking', thinking: 'Hm, well.', signature: expect.stringMatching(/./) }
    expect((await send({ thinking })).body['content']).toEqual([block, expect.objectContaining({ text: 'Yes.' })])
    const events = await eventsOf({ thinking })
    expect(events.flatMap(({ delta }) => (delta?.type ? [delta] : []))).toEqual([
      { type: 'thinking_delta', thinking: 'Hm, ' },
      { type: 'thinking_delta', thinking: 'well.' },
      { type: 'signature_delta', signature: expect.stringMatching(/./) },
      { type: 'text_delta', text: 'Yes.' },
    ])
    for (const silent of [undefined, { type: 'disabled' }, { ...thinking, display: 'omitted' }]) {
      expect((await send({ thinking: silent })).body['content']).toHaveLength(1)
      expect(JSON.stringify(await eventsOf({ thinking: silent }))).not.toContain('thinking')
    }
  })
})

describe('its request', () => {
  rule('createMessage.readsBlocks', async () => {
    const image = (source: object) => ({ type: 'image', source })
    const data = Buffer.from('png').toString('base64')
    const png = image({ type: 'base64', media_type: 'image/png', data })
    await send({
      system: [
        { type: 'text', text: 'First.' },
        { type: 'text', text: 'Second.' },
      ],
      messages: [
        say('how is it?'),
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 'a', name: 'weather', input: { n: 1 } },
            { type: 'tool_use', id: 'b', name: 'weather', input: {} },
          ],
        },
        say([
          { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'snow' }, png], is_error: true },
          { type: 'tool_result', tool_use_id: 'a' },
          { type: 'text', text: 'before' },
          png,
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }, title: 'a' },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, context: 'old' },
          { type: 'text', text: 'after' },
        ]),
      ],
    })
    expect(shown()[0]!.content).toContain('First.\n\nSecond.')
    expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'tool', 'user'])
    expect(shown()[2]).toMatchObject({
      content: 'I look.',
      toolCalls: [
        { id: 'a', argumentsJson: '{"n":1}' },
        { id: 'b', argumentsJson: '{}' },
      ],
    })
    expect(shown()[3]).toMatchObject({ content: 'snow', toolCallId: 'b', isError: true })
    expect(shown()[3]!.parts.map(({ part }) => part!.$case)).toEqual(['text', 'image'])
    expect(shown()[5]!.parts.map(({ part }) => part!.$case)).toEqual(['text', 'image', 'file', 'text', 'file', 'text'])
    expect(shown()[5]!.content).toBe('before\nold\nafter')
    expect((await send({ messages: [say([image({ type: 'url', url: 'http://10.0.0.1/x.png' })])] })).status).toBe(400)
  })

  it.each([
    ['a document', [say([{ type: 'document', source: { type: 'file', file_id: 'f' } }])]],
    ['a stored image', [say([{ type: 'image', source: { type: 'file', file_id: 'f' } }])]],
    [
      'something else that a tool said',
      [
        say('x'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: {} }] },
        say([{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'search_result' }] }]),
      ],
    ],
    ['words to go on with', [say('x'), { role: 'assistant', content: 'I' }]],
  ])(ruleName('createMessage.refusesOtherBlocks', '%s'), async (_, messages) => {
    const { status, body } = await send({ messages })
    expect([status, body['error'].type]).toEqual([400, 'invalid_request_error'])
    expect(body['error'].message).toContain('messages')
    const thoughts = [
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'redacted_thinking', data: 'x' },
    ]
    const said = { role: 'assistant', content: [...thoughts, { type: 'text', text: 'so' }] }
    expect((await send({ messages: [say('x'), said, say('y')] })).status).toBe(200)
    expect(JSON.stringify(shown())).not.toContain('hm')
  })

  rule('createMessage.honoursParameters', async () => {
    const schema = { type: 'object', properties: {} }
    await send({
      max_tokens: 9,
      temperature: 0.5,
      top_p: 0.25,
      stop_sequences: ['END'],
      output_config: { effort: 'low', format: { type: 'json_schema', schema } },
      tools: [weather],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      thinking: { type: 'adaptive' },
      metadata: { user_id: 'u' },
    })
    expect(agents.asked[0]).toMatchObject({
      options: expect.objectContaining({ maxTokens: 9, temperature: 0.5, reasoningEffort: 'low' }),
      sampling: {
        topP: 0.25,
        stop: ['END'],
        parallelToolCalls: false,
        responseFormat: { type: 'json_schema', schemaJson: JSON.stringify(schema) },
      },
    })
    const effortOf = async (thinking: object) => {
      await send({ thinking })
      return agents.asked.at(-1)!.options!.reasoningEffort
    }
    for (const [budget_tokens, effort] of [
      [1_024, 'low'],
      [10_000, 'medium'],
      [32_000, 'high'],
    ] as const)
      expect(await effortOf({ type: 'enabled', budget_tokens })).toBe(effort)
    expect(await effortOf({ type: 'adaptive' })).toBe('auto')
    expect(await effortOf({ type: 'disabled' })).toBe('none')
  })

  it.each([
    ['top_k', { top_k: 5 }],
    ['mcp_servers', { mcp_servers: [{ type: 'url' }] }],
    ['output_config.task_budget', { output_config: { task_budget: { type: 'tokens' } } }],
    ['tools', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['frequency_penalty', { frequency_penalty: 1 }],
  ])(ruleName('createMessage.refusesWhatItCannot', '%s'), async (field, body) => {
    const answer = await send(body)
    expect([answer.status, answer.body['error'].type]).toEqual([400, 'invalid_request_error'])
    expect(answer.body['error'].message).toContain(field)
    expect(agents.asked).toEqual([])
    const hints = { service_tier: 'auto', context_management: { edits: [] }, mcp_servers: [] }
    expect((await send(hints)).status).toBe(200)
  })

  rule('createMessage.passesOnCacheMarks', async () => {
    const mark = (more: object = {}) => ({ cache_control: { type: 'ephemeral', ...more } })
    const marked = (value: string, more: object = {}) => [{ type: 'text', text: value, ...mark(more) }]
    const messages = [say(marked('one')), { role: 'assistant', content: marked('unus') }, say(marked('two'))]
    await send({ messages })
    expect(shown().map(({ cacheMark }) => cacheMark === true)).toEqual([false, true, true, true])
    expect(agents.asked.at(-1)!.options!.cacheTtl).toBeUndefined()
    await send({ ...mark(), system: marked('Be kind.', { ttl: '1h' }), messages: hello })
    expect(shown().map(({ cacheMark }) => cacheMark === true)).toEqual([false, true])
    expect(agents.asked.at(-1)!.options!.cacheTtl).toBe('1h')
  })
})

describe('tools of the client', () => {
  rule('createMessage.callsTools', async () => {
    agents.model = calling('weather')
    const { body } = await send({ tools: [{ ...weather, strict: true }], tool_choice: { type: 'any' } })
    expect(agents.asked[0]!.tools.map(({ name }) => name)).toEqual(['clock', 'weather'])
    expect(agents.asked[0]!.tools[1]).toMatchObject({ description: 'tells it', strict: true })
    // One of one is that one.
    expect(agents.asked[0]!.sampling!.toolChoice).toEqual({ type: 'function', name: 'weather' })
    expect(body).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', id: expect.stringMatching(/^call_/), name: 'weather', input: { city: 'Hanoi' } }],
    })
    agents.model = echo
    await send({ tools: [weather, { ...weather, name: 'b' }], tool_choice: { type: 'tool', name: 'b' } })
    expect(agents.asked.at(-1)!.tools.map(({ name }) => name)).toEqual(['clock', 'b'])
    await send({ tools: [weather], tool_choice: { type: 'none' } })
    expect(agents.asked.at(-1)!.tools.map(({ name }) => name)).toEqual(['clock'])
  })

  rule('createMessage.continuesTurns', async () => {
    agents.model = asksBoth
    const tools = [weather]
    for (const behind of [[], [{ type: 'text', text: 'And quickly.' }]]) {
      const first = await send({ tools })
      const said = { role: 'assistant', content: first.body['content'] }
      const second = await send({ tools, messages: [...hello, said, say([resultOf(first), ...behind])] })
      expect(second.body).toMatchObject({ content: [{ text: 'so: rain' }], stop_reason: 'end_turn' })
      const words = behind.length === 0 ? [] : ['user']
      expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'tool', ...words])
      const [{ key }] = (await sessions()) as [Body]
      const roles = (await storedOf(key)).map(({ role }) => role)
      expect(roles).toEqual(['user', 'assistant', 'tool', 'assistant', 'tool', ...words, 'assistant'])
    }
  })

  it('are told as the request has them where a result showed an image, which no session keeps', async () => {
    agents.model = calling('weather')
    const tools = [weather]
    const source = { type: 'base64', media_type: 'image/png', data: Buffer.from('png').toString('base64') }
    const messages: object[] = [...hello]
    for (let round = 0; round < 2; round++) {
      const answer = await send({ tools, messages })
      const result = resultOf(answer, [{ type: 'image', source }])
      messages.push({ role: 'assistant', content: answer.body['content'] }, say([result]))
    }
    await send({ tools, messages })
    const images = shown().flatMap(({ parts }) => parts.filter(({ part }) => part?.$case === 'image'))
    expect(images).toHaveLength(2)
  })

  it.each([
    ['a call without its result', (used: object) => [say('x'), used, say('y')]],
    ['a result without its call', () => [say([{ type: 'tool_result', tool_use_id: 'a', content: 'x' }])]],
    [
      'words between them',
      (used: object) => [
        say('x'),
        used,
        say([
          { type: 'text', text: 'wait' },
          { type: 'tool_result', tool_use_id: 'a', content: 'x' },
        ]),
      ],
    ],
  ])(ruleName('createMessage.matchesResults', '%s'), async (_, messagesWith) => {
    const used = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: {} }] }
    expect((await send({ messages: messagesWith(used) })).status).toBe(400)
  })
})

describe('a stream', () => {
  rule('createMessage.streamsEvents', async () => {
    const events = await eventsOf()
    expect(events.map(({ event }) => event)).toEqual(typesOf(events))
    const [start, ping, ...rest] = events
    expect(start).toMatchObject({
      type: 'message_start',
      message: { content: [], stop_reason: null, role: 'assistant' },
    })
    expect(ping).toEqual({ event: 'ping', type: 'ping' })
    expect(rest.map(({ event: _, ...event }) => event)).toEqual([
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'echo:' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' hello' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: expect.objectContaining({ input_tokens: 10, output_tokens: 5 }),
      },
      { type: 'message_stop' },
    ])
    agents.model = async function* () {
      yield done({ content: 'NO_REPLY' })
    }
    expect(typesOf(await eventsOf()).slice(2, 4)).toEqual(['content_block_start', 'content_block_stop'])
  })

  rule('createMessage.startsBlocksAnew', async () => {
    agents.model = asksBoth
    const tools = [weather, { ...weather, name: 'other' }]
    const before = await eventsOf({ tools })
    const blocks = (events: readonly Body[]) => events.flatMap(({ content_block: block }) => block ?? [])
    expect(blocks(before)).toMatchObject([{ type: 'text' }, { type: 'tool_use', name: 'weather', input: {} }])
    expect(typesOf(before).filter((type) => type === 'ping')).toHaveLength(2)
    const open = typesOf(before).filter((type) => /block_st/.test(type))
    expect(open).toEqual(['content_block_start', 'content_block_stop', 'content_block_start', 'content_block_stop'])
    expect(JSON.stringify(before)).not.toContain('clock')

    // Written at once, as some models do: a stream has one block after the other.
    const piece = (index: number, id: string, name: string, argumentsDelta: string) =>
      ({ event: { $case: 'toolCallDelta', value: { index, id, name, argumentsDelta } } }) as const
    agents.model = async function* () {
      yield piece(0, 'm_weather', 'weather', '{"a":')
      yield piece(1, 'm_other', 'other', '{"b":')
      yield piece(0, '', '', '1}')
      yield piece(1, '', '', '2}')
      const toolCalls = [call('weather', '{"a":1}'), call('other', '{"b":2}')]
      yield done({ toolCalls, finishReason: 'tool_calls' })
    }
    const events = await eventsOf({ tools })
    expect(blocks(events)).toMatchObject([{ name: 'weather' }, { name: 'other' }])
    const inputs = [0, 1].map((wanted) =>
      events.map(({ index, delta }) => (index === wanted ? (delta?.partial_json ?? '') : '')).join(''),
    )
    expect(inputs).toEqual(['{"a":1}', '{"b":2}'])
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  rule('createMessage.failsBeforeTheStream', async () => {
    agents.model = async function* () {
      yield thought('hm')
      throw new MeshError('RESOURCE_EXHAUSTED', 'error.provider_rate_limit', { provider: 'fake', reason: 'x' })
    }
    for (const stream of [true, false]) {
      const { status, body, headers } = await send({ stream })
      expect([status, body]).toMatchObject([429, { type: 'error', error: { type: 'rate_limit_error' } }])
      expect(body['request_id']).toBe(headers.get('request-id'))
    }
  })

  rule('createMessage.failsInTheStream', async () => {
    agents.model = async function* () {
      yield text('half')
      throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })
    }
    expect((await eventsOf()).at(-1)).toEqual({
      event: 'error',
      type: 'error',
      error: { type: 'overloaded_error', message: expect.stringContaining('fake') },
      request_id: expect.any(String),
    })
  })
})

describe('counting', () => {
  rule('countMessageTokens.countsThePrompt', async () => {
    const { status, tokens, body } = await count()
    expect([status, Object.keys(body)]).toEqual([200, ['input_tokens']])
    await send()
    const { messages, tools } = agents.asked.at(-1)!
    const chars =
      messages.reduce((sum, { content }) => sum + content.length, 0) +
      tools.reduce((sum, tool) => sum + tool.description.length + tool.parametersJson.length, 0)
    // What frames a message counts, too.
    expect(Math.abs(tokens - chars / 4)).toBeLessThan(20)
    const plus = async (more: object) => (await count(more)).tokens - tokens
    expect(await plus({ messages: [say(`hello${'x'.repeat(4_000)}`)] })).toBe(1_000)
    expect(await plus({ system: 'y'.repeat(4_000) })).toBeGreaterThanOrEqual(1_000)
    expect(await plus({ tools: [{ ...weather, description: 'z'.repeat(4_000) }] })).toBeGreaterThanOrEqual(1_000)
  })

  rule('countMessageTokens.countsImages', async () => {
    const url = 'https://images.example.org/x.png'
    const image = { type: 'image', source: { type: 'url', url } }
    const { tokens } = await count()
    expect((await count({ messages: [say([{ type: 'text', text: 'hello' }, image, image])] })).tokens).toBe(
      tokens + 2 * 1_600,
    )
  })

  rule('countMessageTokens.countsDocuments', async () => {
    const { tokens } = await count()
    const counted = async (source: object) => {
      const content = [
        { type: 'text', text: 'hello' },
        { type: 'document', source },
      ]
      return (await count({ messages: [say(content)] })).tokens - tokens
    }
    const pdf = { type: 'base64', media_type: 'application/pdf' }
    expect(await counted({ type: 'text', media_type: 'text/plain', data: 'x'.repeat(3_000) })).toBeCloseTo(1_000, -2)
    expect(await counted({ ...pdf, data: 'A'.repeat(4_000) })).toBeCloseTo(1_000, -2)
    expect(await counted({ ...pdf, data: 'A'.repeat(4_000_000) })).toBe(300_000)
    expect(await counted({ type: 'url', url: 'https://documents.example.org/x.pdf' })).toBe(1_600)
  })

  rule('countMessageTokens.startsNothing', async () => {
    const before = await sessions()
    expect((await count()).status).toBe(200)
    expect(agents.asked).toEqual([])
    expect(await sessions()).toEqual(before)
  })

  rule('countMessageTokens.readsAsMessagesDo', async () => {
    expect((await count({ model: 'goclaw:nobody' })).status).toBe(404)
    expect((await count({ top_k: 1 })).status).toBe(400)
    expect((await count({ tools: [weather, weather] })).status).toBe(400)
  })
})
