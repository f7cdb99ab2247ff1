import type { ChatMessage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
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
const weather = {
  type: 'function',
  function: { name: 'weather', description: 'tells the weather', parameters: { type: 'object', properties: {} } },
}
const named = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } })
const question = { role: 'user', content: 'How is it in Hanoi?' }
const ask = (body: object = {}, as = caller) =>
  agents.request<Body>(as, 'POST', '/v1/chat/completions', {
    model: 'goclaw:default',
    messages: [question],
    tools: [weather],
    ...body,
  })
const offered = (at = 0) => agents.asked[at]!.tools.map(({ name }) => name)
const sessions = async () =>
  (await agents.request<{ sessions: Body[] }>(admin, 'GET', '/v1/sessions?limit=500')).body.sessions
const storedOf = async (key: string) =>
  (await agents.request<Body>(admin, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body['messages'] as Body[]
const chunksOf = (body: unknown): Body[] =>
  String(body)
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as Body)

const call = (name: string, argumentsJson = '{"city":"Hanoi"}', id = `m_${name}`) => ({
  id,
  name,
  argumentsJson,
  parseError: '',
})
const rolesOf = (messages: readonly ChatMessage[]) => messages.map(({ role }) => role)

/** Calls these tools, and answers with the last result. */
const calls = (...names: string[]): Script =>
  async function* ({ messages }) {
    const last = messages.at(-1)!
    if (last.role === 'tool') yield done({ content: `so: ${last.content}` })
    else yield done({ content: '', toolCalls: names.map((name) => call(name)), finishReason: 'tool_calls' })
  }

const answerTo = ({ body }: { body: Body }, content = 'rain') => {
  const { message } = body['choices'][0]
  const results = message.tool_calls.map(({ id }: Body) => ({ role: 'tool', tool_call_id: id, content }))
  return [question, message, ...results]
}

describe('functions of the client', () => {
  rule('createChatCompletion.offersClientTools', async () => {
    await ask({ tools: [weather, named('clock', { strict: true, parameters: { type: 'object' } })] })
    expect(agents.asked[0]!.tools).toEqual([
      {
        name: 'weather',
        description: 'tells the weather',
        parametersJson: '{"type":"object","properties":{}}',
        strict: false,
      },
      { name: 'clock', description: '', parametersJson: '{"type":"object"}', strict: true },
    ])
    expect(agents.asked[0]!.messages[0]!.content).toContain('weather')
    await ask()
    expect(offered(1)).toEqual(['clock', 'weather'])
    // The agent's own clock does not answer for the client's.
    agents.model = calls('clock')
    const { body } = await ask({ tools: [named('clock')] })
    expect(body['choices'][0].message.tool_calls).toMatchObject([{ function: { name: 'clock' } }])
    expect(agents.toolContexts).toEqual([])
  })

  rule('createChatCompletion.choosesClientTools', async () => {
    const tools = [weather, named('news')]
    await ask({ tools, tool_choice: 'none' })
    expect(offered()).toEqual(['clock'])
    const choiceOf = async (tool_choice: unknown) => {
      agents.asked.length = 0
      await ask({ tools, tool_choice })
      return [offered(), agents.asked[0]!.sampling?.toolChoice]
    }
    const required = { type: 'required', name: '' }
    expect(await choiceOf('auto')).toEqual([['clock', 'weather', 'news'], undefined])
    expect(await choiceOf('required')).toEqual([['clock', 'weather', 'news'], required])
    expect(await choiceOf(named('news'))).toEqual([['clock', 'news'], { type: 'function', name: 'news' }])
    const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named('news')] } }
    expect(await choiceOf(allowed)).toEqual([['clock', 'news'], undefined])

    agents.asked.length = 0
    agents.model = async function* ({ messages }) {
      const name = messages.at(-1)!.role === 'tool' ? 'weather' : 'clock'
      yield done({ toolCalls: [call(name)], finishReason: 'tool_calls' })
    }
    const { body } = await ask({ tools, tool_choice: 'required' })
    expect(agents.asked.map(({ sampling }) => sampling?.toolChoice)).toEqual([required, required])
    expect(body['choices'][0]).toMatchObject({ finish_reason: 'tool_calls' })
  })

  it.each([
    ['tools', { tools: [weather, weather] }],
    ['tools', { tools: [named('large', { parameters: { enum: Array.from({ length: 15_000 }, () => []) } })] }],
    ['tool_choice', { tools: [], tool_choice: 'auto' }],
    ['tool_choice', { tool_choice: named('gone') }],
    ['tools.0.function.name', { tools: [named('no spaces')] }],
    ['tools', { tools: Array.from({ length: 129 }, (_, n) => named(`f${n}`)) }],
  ])(ruleName('createChatCompletion.refusesBadTools', '%s'), async (param, body) => {
    const answer = await ask(body)
    expect([answer.status, answer.body['error'].param]).toEqual([400, param])
    expect(agents.asked).toEqual([])
  })
})

describe('a call of a function', () => {
  rule('createChatCompletion.endsWithClientCalls', async () => {
    agents.model = calls('clock', 'weather')
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(body['choices'][0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: '',
        tool_calls: [
          {
            id: expect.stringMatching(/^call_[0-9a-f]{32}0$/),
            type: 'function',
            function: { name: 'weather', arguments: '{"city":"Hanoi"}' },
          },
        ],
      },
      finish_reason: 'tool_calls',
    })
    expect(agents.toolContexts).toHaveLength(1)
    const [{ key }] = (await sessions()) as [Body]
    expect(await storedOf(key)).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ name: 'clock' }, { id: body['choices'][0].message.tool_calls[0].id }] },
      { role: 'tool', tool_call_id: 'm_clock', content: expect.stringContaining('noon') },
    ])
    expect(await storedOf(key)).toHaveLength(3)
  })

  it('is still possible where the agent has no iterations left for its own tools', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'short', max_tool_iterations: 1 })
    agents.model = calls('clock', 'weather')
    const { body } = await ask({ model: 'goclaw:short' })
    expect(offered()).toEqual(['weather'])
    expect(body['choices'][0].message.tool_calls).toHaveLength(1)
    expect(agents.toolContexts).toEqual([])
  })

  rule('createChatCompletion.streamsClientCalls', async () => {
    const piece = (index: number, id: string, name: string, argumentsDelta: string) => ({
      event: { $case: 'toolCallDelta' as const, value: { index, id, name, argumentsDelta } },
    })
    agents.model = async function* () {
      yield text('Let me see. ')
      yield piece(0, 'm_clock', 'clock', '{}')
      yield piece(1, 'm_weather', 'weather', '')
      yield piece(1, '', '', '{"city":')
      // Some vendors tell the name last.
      yield piece(2, 'm_news', '', '{"a"')
      yield piece(2, '', 'news', ':1}')
      yield piece(1, '', '', '"Hanoi"}')
      yield done({
        content: 'Let me see. ',
        finishReason: 'tool_calls',
        toolCalls: [call('clock', '{}'), call('weather'), call('news', '{"a":1}')],
      })
    }
    const { body } = await ask({ stream: true, tools: [weather, named('news')] })
    const choices = chunksOf(body).map((chunk) => chunk['choices'][0])
    const deltas = choices.flatMap(({ delta }) => delta.tool_calls ?? [])
    const id = (index: number) => expect.stringMatching(new RegExp(`^call_[0-9a-f]{32}${index}$`))
    expect(deltas).toEqual([
      { index: 0, id: id(0), type: 'function', function: { name: 'weather', arguments: '' } },
      { index: 0, function: { arguments: '{"city":' } },
      { index: 1, id: id(1), type: 'function', function: { name: 'news', arguments: '' } },
      { index: 1, function: { arguments: '{"a":1}' } },
      { index: 0, function: { arguments: '"Hanoi"}' } },
    ])
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Let me see.')
    expect(choices.at(-1)).toEqual({ index: 0, delta: {}, finish_reason: 'tool_calls' })
    expect(body).not.toContain('clock')
    const [{ key }] = (await sessions()) as [Body]
    const ids = (await storedOf(key))[1]!['tool_calls'].map((stored: Body) => stored['id'])
    expect(ids.slice(1)).toEqual([deltas[0].id, deltas[2].id])
  })

  rule('createChatCompletion.answersUnreadableCalls', async () => {
    const broken = { ...call('weather', '{}'), parseError: 'not JSON' }
    agents.model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield done({ toolCalls: [call('weather')], finishReason: 'tool_calls' })
      else yield done({ toolCalls: [broken], finishReason: 'tool_calls' })
    }
    const { body } = await ask()
    expect(agents.asked[1]!.messages.at(-1)!.content).toContain('could not be read')
    expect(body['choices'][0].message.tool_calls[0].function.arguments).toBe('{"city":"Hanoi"}')

    agents.model = async function* () {
      const value = { index: 0, id: 'x', name: 'weather', argumentsDelta: '{"city"' }
      yield { event: { $case: 'toolCallDelta', value } }
      yield done({ toolCalls: [broken], finishReason: 'length' })
    }
    const streamed = chunksOf((await ask({ stream: true })).body).map((chunk) => chunk['choices'][0])
    expect(streamed.at(-1)!.finish_reason).toBe('length')
    agents.model = async function* () {
      yield done({ content: 'I was', toolCalls: [broken], finishReason: 'length' })
    }
    expect((await ask()).body['choices'][0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: 'I was' },
      finish_reason: 'length',
    })
  })
})

describe('tool messages', () => {
  rule('createChatCompletion.continuesTurns', async () => {
    agents.model = calls('clock', 'weather')
    const first = await ask({ messages: [{ role: 'user', content: 'before' }, question] })
    const conversation = [{ role: 'user', content: 'before' }, ...answerTo(first)]
    const before = (await sessions()).length
    agents.model = calls()
    const second = await ask({ messages: conversation })
    expect(second.body['choices'][0].message.content).toBe('so: rain')
    const shown = agents.asked.at(-1)!.messages
    expect(rolesOf(shown)).toEqual(['system', 'user', 'user', 'assistant', 'tool', 'tool'])
    expect(shown.slice(-2).map(({ content }) => content)).toEqual([expect.stringContaining('noon'), 'rain'])
    // No session more: the turn went on in its own.
    expect(await sessions()).toHaveLength(before)
    const [{ key }] = (await sessions()) as [Body]
    expect((await storedOf(key)).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'assistant'])

    // A client that sends it again, as after a lost connection, gets the same turn again.
    const again = await ask({ messages: conversation })
    expect(again.body['choices'][0].message.content).toBe('so: rain')
    expect(rolesOf(agents.asked.at(-1)!.messages)).toEqual(['system', 'user', 'user', 'assistant', 'tool', 'tool'])
    expect(await sessions()).toHaveLength(before + 1)
    const [{ key: copy }] = (await sessions()) as [Body]
    expect((await storedOf(copy)).map(({ content }) => content)).toEqual(
      (await storedOf(key)).map(({ content }) => content),
    )
  })

  it('go on in one session through several rounds', async () => {
    agents.model = async function* ({ messages }) {
      const results = messages.filter(({ role }) => role === 'tool').length
      if (results < 3) yield done({ toolCalls: [call('weather', `{"n":${results}}`)], finishReason: 'tool_calls' })
      else yield done({ content: 'done' })
    }
    let answer = await ask()
    let conversation: unknown[] = [question]
    while (answer.body['choices'][0].finish_reason === 'tool_calls') {
      conversation = [...conversation, ...answerTo(answer).slice(1)]
      answer = await ask({ messages: conversation })
    }
    const [{ key }] = (await sessions()) as [Body]
    const roles = (await storedOf(key)).map(({ role }) => role)
    expect(roles).toEqual(['user', 'assistant', 'tool', 'assistant', 'tool', 'assistant', 'tool', 'assistant'])
  })

  rule('createChatCompletion.continuesForeignTurns', async () => {
    const foreign = [
      question,
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'call_abc', ...named('weather', { arguments: '{"a":1}' }) }],
      },
      { role: 'tool', tool_call_id: 'call_abc', content: [{ type: 'text', text: 'snow' }] },
    ]
    agents.model = calls()
    expect((await ask({ messages: foreign })).body['choices'][0].message.content).toBe('so: snow')
    const shown = agents.asked[0]!.messages
    expect(rolesOf(shown)).toEqual(['system', 'user', 'assistant', 'tool'])
    expect(shown[2]!.toolCalls).toEqual([{ id: 'call_abc', name: 'weather', argumentsJson: '{"a":1}', parseError: '' }])
    const [{ key }] = (await sessions()) as [Body]
    expect((await storedOf(key)).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])

    agents.model = calls('clock', 'weather')
    const hers = await ask()
    agents.model = calls()
    const before = (await sessions()).length
    const stranger = { ...caller, userId: 'mallory' }
    await ask({ messages: answerTo(hers) }, stranger)
    expect(JSON.stringify(agents.asked.at(-1)!.messages)).not.toContain('noon')
    expect(await sessions()).toHaveLength(before + 1)
    expect((await sessions())[0]).toMatchObject({ userID: 'mallory' })
  })

  it('in the history of a new turn are shown with their calls', async () => {
    const calling = {
      role: 'assistant',
      content: 'I look.',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'weather', arguments: 'no JSON' } }],
    }
    const messages = [
      question,
      calling,
      { role: 'tool', tool_call_id: 'a', content: 'snow' },
      { role: 'user', content: 'and now?' },
    ]
    await ask({ messages })
    const shown = agents.asked[0]!.messages
    expect(rolesOf(shown)).toEqual(['system', 'user', 'assistant', 'tool', 'user'])
    expect(shown[2]).toMatchObject({ content: 'I look.', toolCalls: [{ id: 'a', argumentsJson: '{}' }] })
  })

  it.each([
    ['a result of no call', [question, { role: 'tool', tool_call_id: 'a', content: 'x' }]],
    [
      'a call without its result',
      [question, { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] }],
    ],
    [
      'a call whose result comes too late',
      [
        question,
        { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] },
        question,
        { role: 'tool', tool_call_id: 'a', content: 'x' },
      ],
    ],
  ])(ruleName('createChatCompletion.matchesResults', '%s'), async (_, messages) => {
    const { status, body } = await ask({ messages })
    expect([status, body['error'].param]).toEqual([400, 'messages'])
    expect(agents.asked).toEqual([])
  })
})
