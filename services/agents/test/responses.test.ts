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
  agents.toolContexts.length = 0
})

const caller = testCaller({ role: 'operator', userId: 'alice' })
const admin = { ...caller, role: 'admin' as const }
const respond = <B = Body>(body: object, query = '', as = caller) =>
  agents.request<B>(as, 'POST', `/v1/responses${query}`, { model: 'goclaw:default', ...body })
const weather = { type: 'function', name: 'weather', parameters: { type: 'object', properties: {} }, strict: true }
const call = (name: string, argumentsJson = '{"city":"Hanoi"}') => ({
  id: `m_${name}`,
  name,
  argumentsJson,
  parseError: '',
})
const shown = (at = -1) => agents.asked.at(at)!.messages
const rolesShown = (at = -1) => shown(at).map(({ role }) => role)
const sessions = async () =>
  (await agents.request<{ sessions: Body[] }>(admin, 'GET', '/v1/sessions?limit=500')).body.sessions
const storedOf = async (key: string) =>
  (await agents.request<Body>(admin, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body['messages'] as Body[]

/** The events of a stream, each with its name. */
const eventsOf = (body: unknown): Body[] =>
  String(body)
    .split('\n\n')
    .filter((frame) => frame.includes('data: {'))
    .map((frame) => {
      const [, event, data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(frame)!
      return { event, ...JSON.parse(data!) } as Body
    })

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
const calling: Script = async function* () {
  yield done({ toolCalls: [call('weather')], finishReason: 'tool_calls' })
}

describe('a response', () => {
  rule('createResponse.answersWhole', async () => {
    const { status, body } = await respond({
      input: 'hello',
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      temperature: 1,
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id: expect.stringMatching(/^resp-[0-9a-f]{8}$/),
      object: 'response',
      created_at: expect.any(Number),
      model: 'goclaw:default',
      status: 'completed',
      error: null,
      incomplete_details: null,
      output: [
        {
          type: 'message',
          id: expect.stringMatching(/^msg-/),
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'echo: hello', annotations: [] }],
        },
      ],
      output_text: 'echo: hello',
      usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, prompt_tokens: 10, completion_tokens: 5 },
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      temperature: 1,
      previous_response_id: null,
      tools: [],
      tool_choice: 'auto',
      text: { format: { type: 'text' } },
    })
    expect(shown()[0]!.content).toContain('Be brief.')
  })

  rule('createResponse.choosesTheDialect', async () => {
    const messages = [{ role: 'user', content: 'in messages' }]
    const partOf = async (body: object, query = '') => {
      const [{ content }] = (await respond(body, query)).body['output']
      return [content[0].type, content[0].text]
    }
    expect(await partOf({ input: 'x' })).toEqual(['output_text', 'echo: x'])
    expect(await partOf({ messages })).toEqual(['text', 'echo: in messages'])
    expect(await partOf({ messages, input: 'wins' })).toEqual(['output_text', 'echo: wins'])
    expect(await partOf({ messages }, '?dialect=openai')).toEqual(['output_text', 'echo: in messages'])
    expect(await partOf({ input: 'x' }, '?dialect=goclaw')).toEqual(['text', 'echo: x'])
    expect((await respond({})).status).toBe(400)
    expect((await respond({ input: 'x' }, '?dialect=latin')).status).toBe(400)
  })

  rule('createResponse.speaksGoClaw', async () => {
    const { body } = await respond({ messages: [{ role: 'user', content: 'hi' }], max_tokens: 7, temperature: 0 })
    expect(body).toMatchObject({
      object: 'response',
      status: 'completed',
      output: [{ type: 'message', role: 'assistant', content: [{ type: 'text', text: 'echo: hi' }] }],
      output_text: 'echo: hi',
      usage: { prompt_tokens: 10, input_tokens: 10 },
    })
    expect(body).not.toHaveProperty('temperature')
    expect(agents.asked[0]!.options).toMatchObject({ maxTokens: 7, temperature: 0 })
  })

  rule('createResponse.findsTheAgent', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'hers' })
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'asleep', status: 'inactive' })
    const statusOf = async (model: string, as = caller) => (await respond({ model, input: 'x' }, '', as)).status
    for (const model of ['goclaw:hers', 'agent:default', 'gpt-4o']) expect(await statusOf(model)).toBe(200)
    for (const model of ['goclaw:nobody', 'goclaw:asleep']) expect(await statusOf(model)).toBe(404)
    expect(await statusOf('goclaw:hers', { ...caller, userId: 'mallory' })).toBe(403)
  })

  rule('createResponse.namesTheUser', async () => {
    const userOf = async (as: Partial<typeof caller>, body: object) => {
      await respond({ input: 'x', ...body }, '', { ...caller, ...as })
      return (await sessions())[0]!['userID']
    }
    const nobody = { userId: '', fallbackUserId: 'gateway' }
    expect(await userOf(nobody, {})).toBe('gateway')
    expect(await userOf(nobody, { user: 'bob' })).toBe('bob')
    expect(await userOf({}, { user: 'bob' })).toBe('alice')
  })

  rule('createResponse.hasASessionOfItsOwn', async () => {
    const input = [
      { role: 'user', content: 'one' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'unus' }] },
      { role: 'user', content: [{ type: 'input_text', text: 'two' }] },
    ]
    const { body } = await respond({ input })
    const key = `agent:default:responses-alice-${String(body['id']).slice('resp-'.length)}`
    expect((await storedOf(key)).map(({ content }) => content)).toEqual(['one', 'unus', 'two', 'echo: two'])
  })

  rule('createResponse.saysItWasCut', async () => {
    agents.model = async function* () {
      yield text('half')
      yield done({ content: 'half', finishReason: 'length' })
    }
    expect((await respond({ input: 'x' })).body).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    })
    expect(eventsOf((await respond({ input: 'x', stream: true })).body).at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', output_text: 'half' },
    })
  })
})

describe('its input', () => {
  rule('createResponse.readsInputItems', async () => {
    const url = `data:image/png;base64,${Buffer.from('png').toString('base64')}`
    await respond({
      instructions: 'First.',
      input: [
        { role: 'developer', content: 'Second.' },
        { role: 'user', content: 'how is it?' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{"n":1}', id: 'fc_1', status: 'completed' },
        { type: 'function_call', call_id: 'b', name: 'weather', arguments: '{"n":2}' },
        { type: 'function_call_output', call_id: 'a', output: 'rain' },
        { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'snow' }] },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'and here?' },
            { type: 'input_image', image_url: url, detail: 'auto' },
            { type: 'input_file', file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' },
            { type: 'input_audio', input_audio: { data: 'SUQz', format: 'mp3' } },
          ],
        },
      ],
    })
    expect(shown()[0]!.content).toContain('First.\n\nSecond.')
    expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'tool', 'user'])
    expect(shown()[2]).toMatchObject({ content: 'I look.', toolCalls: [{ id: 'a' }, { id: 'b' }] })
    expect(shown()[4]).toMatchObject({ content: 'snow', toolCallId: 'b' })
    expect(shown()[5]!.parts.map(({ part }) => part!.$case)).toEqual(['text', 'image', 'file', 'file'])
    const there = [{ role: 'user', content: [{ type: 'input_file', file_url: 'http://10.0.0.1/a.pdf' }] }]
    expect((await respond({ input: there })).status).toBe(400)
  })

  it.each([
    ['an item of another kind', [{ type: 'web_search_call', id: 'ws_1' }]],
    ['a file', [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }]],
    ['an image without address', [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }]],
  ])(ruleName('createResponse.refusesOtherItems', '%s'), async (_, input) => {
    const { status, body } = await respond({ input })
    expect([status, body['error']]).toMatchObject([400, { code: 'unsupported_parameter', param: 'input' }])
    const thoughts = { type: 'reasoning', id: 'rs_1', summary: [] }
    expect((await respond({ input: [thoughts, { role: 'user', content: 'x' }] })).status).toBe(200)
  })
})

describe('a previous response', () => {
  rule('createResponse.continuesResponses', async () => {
    const first = await respond({ input: 'one', instructions: 'Only now.' })
    const before = (await sessions()).length
    const second = await respond({ input: 'two', previous_response_id: first.body['id'] })
    expect(second.body).toMatchObject({ previous_response_id: first.body['id'], output_text: 'echo: two' })
    expect(second.body['id']).not.toBe(first.body['id'])
    expect(
      shown()
        .slice(1)
        .map(({ content }) => content),
    ).toEqual(['one', 'echo: one', 'two'])
    expect(shown()[0]!.content).not.toContain('Only now.')
    await respond({ input: 'three', previous_response_id: second.body['id'] })
    expect(
      shown()
        .slice(1)
        .map(({ content }) => content),
    ).toEqual(['one', 'echo: one', 'two', 'echo: two', 'three'])
    expect(await sessions()).toHaveLength(before)

    // Another way on from the first: it knows nothing of what came after.
    await respond({ input: 'other', previous_response_id: first.body['id'] })
    expect(
      shown()
        .slice(1)
        .map(({ content }) => content),
    ).toEqual(['one', 'echo: one', 'other'])
    expect(await sessions()).toHaveLength(before + 1)
  })

  it('keeps the summary of a conversation where an earlier response is continued', async () => {
    const first = await respond({ input: 'one' })
    const second = await respond({ input: 'two', previous_response_id: first.body['id'] })
    const third = await respond({ input: 'three', previous_response_id: second.body['id'] })
    await respond({ input: 'four', previous_response_id: third.body['id'] })
    const [{ key }] = (await sessions()) as [Body]
    // As compaction leaves it: the first two turns are in the summary.
    await agents.mesh
      .database('agents')
      .system.query("UPDATE agents.sessions SET summary = 'They counted.', window_seq = 4 WHERE session_key = $1", [
        key,
      ])
    const saysAfter = async ({ body }: { body: Body }) => {
      await respond({ input: 'other', previous_response_id: body['id'] })
      return shown()
        .slice(1)
        .map(({ content }) => content)
    }
    expect(await saysAfter(third)).toEqual([
      expect.stringContaining('They counted.'),
      expect.anything(),
      'three',
      'echo: three',
      'other',
    ])
    // What the summary tells of came after the first.
    expect(await saysAfter(first)).toEqual(['one', 'echo: one', 'other'])
  })

  it('leads around no rule of messages', async () => {
    const { id } = (await respond({ input: 'one' })).body
    await respond({ input: 'x'.repeat(40_000), previous_response_id: id })
    expect(shown().at(-1)!.content).toContain('The message had 40000 characters')
  })

  rule('createResponse.findsOwnResponses', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'other' })
    const { id } = (await respond({ input: 'one' })).body
    const statusOf = async (previous_response_id: string, more = {}, as = caller) =>
      (await respond({ input: 'two', previous_response_id, ...more }, '', as)).status
    for (const unknown of ['resp-00000000', 'resp_abc', 'x'.repeat(100)]) expect(await statusOf(unknown)).toBe(404)
    expect(await statusOf(id, { model: 'goclaw:other' })).toBe(404)
    expect(await statusOf(id, {}, { ...caller, userId: 'mallory' })).toBe(404)
    expect(await statusOf(id, {}, testCaller({ role: 'operator', userId: 'alice' }))).toBe(404)
    expect(await statusOf(id)).toBe(200)
  })

  rule('createResponse.answersFunctionCalls', async () => {
    agents.model = asksBoth
    const first = await respond({ input: 'weather?', tools: [weather] })
    const { call_id } = first.body['output'].at(-1)
    const output = { type: 'function_call_output', call_id, output: 'rain' }
    const previous_response_id = first.body['id']
    for (const input of ['no output', [{ ...output, call_id: 'other' }], [output, output]])
      expect((await respond({ input, previous_response_id, tools: [weather] })).status).toBe(400)
    const second = await respond({ input: [output], previous_response_id, tools: [weather] })
    expect(second.body).toMatchObject({ status: 'completed', output_text: 'so: rain' })
    expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'tool'])
    const [{ key }] = (await sessions()) as [Body]
    const roles = (await storedOf(key)).map(({ role }) => role)
    expect(roles).toEqual(['user', 'assistant', 'tool', 'assistant', 'tool', 'assistant'])

    // Without the id, by the items alone.
    agents.model = asksBoth
    const again = await respond({ input: 'weather?', tools: [weather] })
    const asked = again.body['output'].at(-1)
    const items = [{ role: 'user', content: 'weather?' }, asked, { ...output, call_id: asked.call_id }]
    expect((await respond({ input: items, tools: [weather] })).body['output_text']).toBe('so: rain')
    expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'tool'])
  })
})

describe('a reference to an item', () => {
  const reference = (id: string) => ({ type: 'item_reference', id })
  const question = { role: 'user', content: 'weather?' }

  rule('createResponse.resolvesReferences', async () => {
    for (const stream of [false, true]) {
      agents.model = asksBoth
      const answer = await respond({ input: [question], tools: [weather], stream })
      const { output } = stream ? eventsOf(answer.body).at(-1)!['response'] : answer.body
      // A whole answer leaves out the commentary, and still numbers what follows as a stream does.
      const asked = output.at(-1)
      expect(asked).toMatchObject({ type: 'function_call', id: expect.stringMatching(/^fc-[0-9a-f]{8}-1$/) })
      const said = reference(asked.id.replace('fc', 'msg').replace(/1$/, '0'))
      const result = { type: 'function_call_output', call_id: asked.call_id, output: 'rain' }
      const input = [question, said, reference(asked.id), result]
      const { body } = await respond({ input, tools: [weather] })
      expect(body['output_text']).toBe('so: rain')
      expect(rolesShown()).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'tool'])

      agents.model = echo
      const last = body['output'].at(-1).id
      await respond({
        input: [question, said, reference(asked.id), result, reference(last), { role: 'user', content: 'ok' }],
      })
      expect(
        shown()
          .slice(1)
          .map(({ content }) => content),
      ).toEqual(['weather?', 'Let me see.', 'rain', 'so: rain', 'ok'])
    }
  })

  it.each([
    ['of nobody', () => 'msg-00000000-0'],
    ['of another protocol', () => 'msg_abc'],
    ['behind the last item', (id: string) => id.replace(/0$/, '7')],
    ['of another kind', (id: string) => id.replace('msg', 'fc')],
  ])('%s is answered 404', async (_, idOf) => {
    const { body } = await respond({ input: 'one' })
    const id = body['output'][0].id as string
    const answer = await respond({ input: [reference(idOf(id)), { role: 'user', content: 'x' }] })
    expect([answer.status, answer.body['error'].message]).toEqual([404, expect.stringContaining(idOf(id))])
    const stranger = { ...caller, userId: 'mallory' }
    expect((await respond({ input: [reference(id), { role: 'user', content: 'x' }] }, '', stranger)).status).toBe(404)
  })

  it('of too many responses is refused', async () => {
    const many = Array.from({ length: 101 }, (_, at) => reference(`msg-${String(at).padStart(8, '0')}-0`))
    expect((await respond({ input: [...many, { role: 'user', content: 'x' }] })).status).toBe(400)
  })
})

describe('its parameters', () => {
  rule('createResponse.honoursParameters', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    await respond({
      input: 'x',
      max_output_tokens: 9,
      temperature: 0.5,
      top_p: 0.25,
      reasoning: { effort: 'low' },
      parallel_tool_calls: false,
      text: { format: { type: 'json_schema', name: 'a', schema, strict: true } },
    })
    expect(agents.asked[0]).toMatchObject({
      options: expect.objectContaining({ maxTokens: 9, temperature: 0.5, reasoningEffort: 'low' }),
      sampling: {
        topP: 0.25,
        parallelToolCalls: false,
        responseFormat: { type: 'json_schema', name: 'a', schemaJson: JSON.stringify(schema), strict: true },
      },
    })
  })

  it.each([
    ['background', { background: true }],
    ['conversation', { conversation: 'c' }],
    ['include', { include: ['message.output_text.logprobs'] }],
    ['max_tool_calls', { max_tool_calls: 1 }],
    ['prompt', { prompt: { id: 'p' } }],
    ['service_tier', { service_tier: 'flex' }],
    ['reasoning.summary', { reasoning: { summary: 'auto' } }],
    ['text.verbosity', { text: { verbosity: 'low' } }],
    ['tools', { tools: [{ type: 'web_search' }] }],
    ['tool_choice', { tools: [weather], tool_choice: { type: 'file_search' } }],
  ])(ruleName('createResponse.refusesWhatItCannot', '%s'), async (param, body) => {
    const answer = await respond({ input: 'x', ...body })
    expect([answer.status, answer.body['error']]).toMatchObject([400, { code: 'unsupported_parameter', param }])
    expect(agents.asked).toEqual([])
  })

  it('of no protocol are refused by name, and hints are taken', async () => {
    const { status, body } = await respond({ input: 'x', top_k: 1 })
    expect([status, body['error']]).toMatchObject([400, { code: 'unknown_parameter', param: 'top_k' }])
    const hints = { store: false, truncation: 'auto', prompt_cache_key: 'k', include: ['reasoning.encrypted_content'] }
    expect((await respond({ input: 'x', ...hints })).status).toBe(200)
  })

  rule('createResponse.callsFunctions', async () => {
    agents.model = calling
    const { body } = await respond({ input: 'x', tools: [weather], tool_choice: { type: 'function', name: 'weather' } })
    expect(agents.asked[0]!.tools.find(({ name }) => name === 'weather')).toMatchObject({ strict: true })
    expect(agents.asked[0]!.sampling!.toolChoice).toEqual({ type: 'function', name: 'weather' })
    expect(body).toMatchObject({ status: 'completed', output_text: '' })
    expect(body['output']).toEqual([
      {
        type: 'function_call',
        id: expect.stringMatching(/^fc-/),
        status: 'completed',
        call_id: expect.stringMatching(/^call_[0-9a-f]{32}0$/),
        name: 'weather',
        arguments: '{"city":"Hanoi"}',
      },
    ])
    const allowed = { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'weather' }] }
    expect(
      (await respond({ input: 'x', tools: [weather, { ...weather, name: 'b' }], tool_choice: allowed })).status,
    ).toBe(200)
    expect(agents.asked.at(-1)!.tools.map(({ name }) => name)).toEqual(['clock', 'weather'])
  })
})

describe('a stream', () => {
  rule('createResponse.streamsTypedEvents', async () => {
    const { headers, body } = await respond<string>({ input: 'hi', stream: true })
    expect(headers.get('content-type')).toBe('text/event-stream')
    const events = eventsOf(body)
    expect(events.map(({ event }) => event)).toEqual(events.map(({ type }) => type))
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at))
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    expect(events[0]!['response']).toMatchObject({ status: 'in_progress', output: [], usage: null })
    expect(events[6]).toMatchObject({ text: 'echo: hi', output_index: 0, content_index: 0 })
    const { response } = events.at(-1)!
    expect(response).toMatchObject({ status: 'completed', output_text: 'echo: hi', usage: { input_tokens: 10 } })
    expect(response['output']).toEqual([events[8]!['item']])
    expect(body).not.toContain('[DONE]')
  })

  rule('createResponse.separatesCommentary', async () => {
    agents.model = asksBoth
    const events = eventsOf((await respond({ input: 'hi', stream: true, tools: [weather] })).body)
    const { response } = events.at(-1)!
    expect(response['output']).toMatchObject([
      { type: 'message', phase: 'commentary', content: [{ text: 'Let me see.' }] },
      { type: 'function_call', name: 'weather', arguments: '{"city":"Hanoi"}', status: 'completed' },
    ])
    expect(events.map(({ type }) => type).slice(-5)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(JSON.stringify(events)).not.toContain('clock')
    // Whatever came in pieces is what the end says.
    const deltas = events.filter(({ type }) => type.endsWith('.delta')).map(({ delta }) => delta)
    expect(deltas).toEqual(['Let me see.', '{"city":"Hanoi"}'])
  })

  rule('createResponse.streamsGoClawEvents', async () => {
    const { body } = await respond<string>({ messages: [{ role: 'user', content: 'hi' }], stream: true })
    expect(body).not.toContain('event:')
    const events = eventsOf(body)
    const { id } = events[0]!['response']
    expect(events).toMatchObject([
      { type: 'response.started', response: { id: expect.stringMatching(/^resp-/), status: 'in_progress' } },
      { type: 'response.delta', delta: { type: 'content', content: 'echo:' } },
      { type: 'response.delta', delta: { type: 'content', content: ' hi' } },
      { type: 'response.done', response: { id, status: 'completed', usage: { total_tokens: 15 } } },
    ])
  })

  rule('createResponse.failsBeforeTheStream', async () => {
    agents.model = async function* () {
      throw new MeshError('RESOURCE_EXHAUSTED', 'error.provider_rate_limit', { provider: 'fake', reason: 'x' })
    }
    for (const stream of [true, false]) {
      const { status, body } = await respond({ input: 'x', stream })
      expect([status, body['error'].type]).toEqual([429, 'rate_limit_error'])
    }
  })

  rule('createResponse.failsInTheStream', async () => {
    agents.model = async function* () {
      yield text('half')
      throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })
    }
    expect(eventsOf((await respond({ input: 'x', stream: true })).body).at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: expect.stringContaining('fake') } },
    })
    const plain = eventsOf((await respond({ messages: [{ role: 'user', content: 'x' }], stream: true })).body)
    expect(plain.at(-1)).toMatchObject({
      type: 'response.done',
      response: { status: 'failed', error: expect.stringContaining('fake') },
    })
  })
})
