import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
  agents.monthCostUsd = 0
})

const caller = testCaller({ role: 'operator', userId: 'alice' })
const admin = { ...caller, role: 'admin' as const }
const stranger = { ...caller, userId: 'mallory' }

const say = (content: unknown) => ({ model: '', messages: [{ role: 'user', content }] })
const chat = <B = Body>(body: object, headers: Record<string, string> = {}, as = caller) =>
  agents.request<B>(as, 'POST', '/v1/chat/completions', body, headers)
const wake = (agent: string, body: object, as = caller) =>
  agents.request<Body>(as, 'POST', `/v1/agents/${agent}/wake`, body)
const create = async (input: object) => (await agents.request<Body>(admin, 'POST', '/v1/agents', input)).body
const sessionsOf = async (as = admin) =>
  (await agents.request<{ sessions: Body[] }>(as, 'GET', '/v1/sessions?limit=500')).body.sessions
const messagesOf = async (key: string) =>
  (await agents.request<Body>(admin, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body['messages'] as Body[]
const contentOf = ({ body }: { body: Body }) => body['choices'][0].message.content as string

/** Chunks of a stream, without its end. */
const chunksOf = (body: string): Body[] =>
  body
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as Body)

/** A model that calls the clock before it answers. */
const asksTheTime: Script = async function* ({ messages }) {
  if (messages.at(-1)!.role === 'tool') {
    yield text('It is noon.')
    yield done({ content: 'It is noon.' })
    return
  }
  yield { event: { $case: 'thinkingDelta', value: 'secret thoughts' } }
  yield text('Let me look. ')
  yield done({
    content: 'Let me look. ',
    thinking: 'secret thoughts',
    finishReason: 'tool_calls',
    toolCalls: [{ id: 'a', name: 'clock', argumentsJson: '{"zone":"secret"}', parseError: '' }],
  })
}
const without = (usage: undefined): Script =>
  async function* () {
    yield done({ content: 'hi', usage })
  }
const silent: Script = async function* () {
  yield done({ content: 'NO_REPLY' })
}
const large = 'x'.repeat(1_100_000)

describe('the agent of a chat', () => {
  rule('createChatCompletion.namesAgentByModel', async () => {
    const { id } = await create({ agent_key: 'named' })
    const agentOf = async (model: string) => {
      const answer = await chat({ ...say('hi'), model }, { 'x-goclaw-agent-id': 'named' })
      expect(answer.body['model']).toBe(model)
      return (await sessionsOf())[0]!['key'].split(':')[1] as string
    }
    for (const model of ['goclaw:named', 'agent:named', `goclaw:${id}`]) expect(await agentOf(model)).toBe('named')
    for (const model of ['goclaw:', 'agent:']) expect(await agentOf(model)).toBe('default')
    // Not a prefix, so that the header decides.
    expect(await agentOf('GOCLAW:default')).toBe('named')
  })

  rule('createChatCompletion.namesAgentByHeader', async () => {
    await create({ agent_key: 'first' })
    await create({ agent_key: 'second' })
    const agentOf = async (headers: Record<string, string>) => {
      const answer = await chat({ ...say('hi'), model: 'gpt-4o' }, headers)
      expect(answer.body['model']).toBe('gpt-4o')
      return (await sessionsOf())[0]!['key'].split(':')[1] as string
    }
    expect(await agentOf({ 'x-goclaw-agent': 'second' })).toBe('second')
    expect(await agentOf({ 'x-goclaw-agent': 'second', 'x-goclaw-agent-id': 'first' })).toBe('first')
    expect(await agentOf({})).toBe('default')
  })

  rule('createChatCompletion.findsActiveAgents', async () => {
    await create({ agent_key: 'retired', status: 'inactive' })
    await create({ agent_key: 'here' })
    for (const model of ['goclaw:nobody', 'goclaw:retired', `goclaw:${crypto.randomUUID()}`])
      expect((await chat({ ...say('hi'), model })).status).toBe(404)
    const elsewhere = testCaller({ role: 'owner' })
    expect((await chat({ ...say('hi'), model: 'goclaw:here' }, {}, elsewhere)).status).toBe(404)
    expect(agents.asked).toEqual([])
  })

  rule('createChatCompletion.requiresAccess', async () => {
    await create({ agent_key: 'hers' })
    const statusFor = async (as: typeof caller, body = {}) =>
      (await chat({ ...say('hi'), model: 'goclaw:hers', ...body }, {}, as)).status
    expect(await statusFor(stranger)).toBe(403)
    expect(await statusFor({ ...stranger, role: 'admin' })).toBe(403)
    expect(await statusFor({ ...caller, userId: '', fallbackUserId: 'gateway' }, { user: 'mallory' })).toBe(403)
    expect(agents.asked).toEqual([])
    expect(await statusFor(caller)).toBe(200)
    expect(await statusFor({ ...stranger, role: 'owner' })).toBe(200)
    expect((await chat({ ...say('hi'), model: 'goclaw:default' }, {}, stranger)).status).toBe(200)
  })
})

describe('the message of a chat', () => {
  it.each([
    ['no messages', { messages: [] }],
    ['nothing of the user', { messages: [{ role: 'system', content: 'x' }] }],
    ['blanks', say(' \n')],
    ['no text', say(null)],
    ['empty parts', say([{ type: 'text', text: '' }])],
    ['a last message that is empty', { messages: [...say('x').messages, ...say('').messages] }],
  ])(ruleName('createChatCompletion.requiresAMessage', '%s'), async (_, body) => {
    const answer = await chat(body)
    expect(answer.status).toBe(400)
    expect(answer.body['error']).toMatchObject({ type: 'invalid_request_error', param: 'messages' })
    expect(agents.asked).toEqual([])
  })

  rule('createChatCompletion.joinsParts', async () => {
    const url = `data:image/png;base64,${Buffer.from('png').toString('base64')}`
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'image_url', image_url: { url } },
      { type: 'text', text: 'two' },
    ]
    expect((await chat(say(parts))).status).toBe(200)
    const shown = agents.asked[0]!.messages.at(-1)!
    expect(shown.content).toBe('one\ntwo')
    expect(JSON.stringify(shown)).toContain('image/png')
  })

  rule('createChatCompletion.takesFiles', async () => {
    const { body } = await chat(
      say([
        { type: 'input_audio', input_audio: { data: 'SUQz', format: 'mp3' } },
        { type: 'text', text: 'one' },
        { type: 'file', file: { file_data: `data:text/plain;base64,${btoa('two')}`, filename: 'notes.txt' } },
      ]),
    )
    expect(agents.asked[0]!.messages.at(-1)).toMatchObject({
      content: 'one',
      parts: [
        { part: { $case: 'file', value: { mimeType: 'audio/mpeg', data: Buffer.from('ID3') } } },
        { part: { $case: 'text', value: 'one' } },
        { part: { $case: 'file', value: { mimeType: 'text/plain', data: Buffer.from('two'), name: 'notes.txt' } } },
      ],
    })
    const key = `agent:default:http-alice-${(body['id'] as string).replace('chatcmpl-', '')}`
    expect((await messagesOf(key)).map(({ content }) => content)).toEqual(['one', 'echo: one'])
    const stored = await chat(say([{ type: 'file', file: { file_id: 'file-1' } }]))
    expect([stored.status, stored.body['error']]).toMatchObject([400, { code: 'unsupported_parameter' }])
  })

  rule('createChatCompletion.boundsMedia', async () => {
    const file = (url: string) => ({ type: 'file', file: { file_data: url } })
    const notes = file('data:text/plain;base64,d29yZHM=')
    for (const parts of [Array<object>(17).fill(notes), [file('data:application/pdf;base64,d29yZHM=')]]) {
      const { status, body } = await chat(say(parts))
      expect([status, body['error'].message]).toEqual([400, expect.stringContaining('file')])
    }
    expect(agents.asked).toEqual([])
    expect((await chat(say(Array<object>(16).fill(notes)))).status).toBe(200)
  })

  rule('createChatCompletion.guardsImageUrls', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'image/png' }).end('png'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const image = (url: string) => chat(say([{ type: 'image_url', image_url: { url } }]))
    try {
      // The tests allow this address.
      expect((await image(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`)).status).toBe(200)
      agents.asked.length = 0
      for (const url of [
        'http://10.0.0.1/a.png',
        'http://169.254.169.254/latest',
        'http://[::1]/a.png',
        'file:///etc/passwd',
      ])
        expect((await image(url)).status).toBe(400)
      expect(agents.asked).toEqual([])
    } finally {
      server.close()
    }
  })

  rule('createChatCompletion.refusesLargeBodies', async () => {
    const { status, body } = await chat(say(large))
    expect(status).toBe(413)
    expect(body['error']).toMatchObject({ type: 'invalid_request_error' })
  })
})

describe('the turn of a chat', () => {
  rule('createChatCompletion.runsTheAgent', async () => {
    agents.model = asksTheTime
    const answer = await chat(say('what time is it?'))
    expect(contentOf(answer)).toBe('It is noon.')
    expect(agents.toolContexts).toMatchObject([
      {
        ...{ agentKey: 'default', userId: 'alice', channel: 'http', chatId: 'api', peerKind: 'direct' },
        iterationShare: expect.closeTo(1 / 30),
      },
    ])
    const [{ key }] = (await sessionsOf()) as [Body]
    expect((await messagesOf(key)).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
  })

  rule('createChatCompletion.refusesSpentBudgets', async () => {
    await create({ agent_key: 'poor', budget_monthly_cents: 100 })
    const poor = { ...say('hi'), model: 'goclaw:poor' }
    agents.monthCostUsd = 0.99
    expect((await chat(poor)).status).toBe(200)
    agents.asked.length = 0
    agents.monthCostUsd = 1
    for (const stream of [false, true]) {
      const { status, headers, body } = await chat({ ...poor, stream })
      expect(status).toBe(429)
      expect(headers.get('retry-after')).toBeNull()
      expect(body['error']).toMatchObject({ type: 'insufficient_quota', message: expect.stringContaining('poor') })
    }
    expect(agents.asked).toEqual([])
  })

  rule('createChatCompletion.deliversSilence', async () => {
    agents.model = silent
    expect(contentOf(await chat(say('hi')))).toBe('')
  })

  rule('createChatCompletion.saysWhyItEnded', async () => {
    const reasonOf = async (stream: boolean) => {
      const { body } = await chat<string | Body>({ ...say('hi'), stream })
      const choices = typeof body === 'string' ? chunksOf(body).map((chunk) => chunk['choices'][0]) : body['choices']
      return choices.at(-1).finish_reason as string
    }
    expect([await reasonOf(false), await reasonOf(true)]).toEqual(['stop', 'stop'])
    agents.model = async function* () {
      yield done({ content: 'cut', finishReason: 'length' })
    }
    expect([await reasonOf(false), await reasonOf(true)]).toEqual(['length', 'length'])
  })

  rule('createChatCompletion.showsTheCachedShare', async () => {
    const counted = {
      inputTokens: 100,
      outputTokens: 5,
      cacheReadTokens: 80,
      cacheCreationTokens: 0,
      thinkingTokens: 0,
    }
    agents.model = async function* () {
      yield text('hi')
      yield done({ content: 'hi', usage: counted })
    }
    const usage = { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 80 } }
    expect((await chat(say('hi'))).body['usage']).toMatchObject(usage)
    const { body } = await chat<string>({ ...say('hi'), stream: true, stream_options: { include_usage: true } })
    expect(chunksOf(body).at(-1)!['usage']).toMatchObject(usage)
  })

  rule('createChatCompletion.leavesOutUnknownUsage', async () => {
    expect((await chat(say('hi'))).body).toHaveProperty('usage')
    agents.model = without(undefined)
    expect((await chat(say('hi'))).body).not.toHaveProperty('usage')
    const { body } = await chat<string>({ ...say('hi'), stream: true, stream_options: { include_usage: true } })
    expect(chunksOf(body).filter((chunk) => 'usage' in chunk)).toEqual([])
  })

  rule('createChatCompletion.framesEvents', async () => {
    const { headers, body } = await chat<string>({ ...say('a\nb'), stream: true })
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(headers.get('x-accel-buffering')).toBe('no')
    const frames = body.split('\n\n')
    expect(frames.pop()).toBe('')
    for (const frame of frames) expect(frame).toMatch(/^data: [^\n]+$/)
    expect(frames.at(-1)).toBe('data: [DONE]')
  })

  rule('createChatCompletion.streamsTextOnly', async () => {
    agents.model = asksTheTime
    const { body } = await chat<string>({ ...say('what time is it?'), stream: true })
    const said = chunksOf(body).map((chunk) => chunk['choices'][0].delta.content ?? '')
    expect(said.join('')).toContain('Let me look.')
    expect(said.join('')).toContain('It is noon.')
    expect(body).not.toContain('secret')
    expect(body).not.toContain('clock')
  })
})

describe('waking', () => {
  rule('wakeAgent.answersAtTheEnd', async () => {
    agents.model = asksTheTime
    const { status, body } = await wake('default', { message: 'what time is it?' })
    expect(status).toBe(200)
    expect(body).toEqual({
      content: 'It is noon.',
      run_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      usage: {
        prompt_tokens: 20,
        completion_tokens: 10,
        total_tokens: 30,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    })
  })

  rule('wakeAgent.findsActiveAgents', async () => {
    const { id } = await create({ agent_key: 'awake' })
    await create({ agent_key: 'asleep', status: 'inactive' })
    for (const ref of ['awake', id]) expect((await wake(ref, { message: 'hi' })).status).toBe(200)
    for (const ref of ['asleep', 'nobody', crypto.randomUUID()])
      expect((await wake(ref, { message: 'hi' })).status).toBe(404)
  })

  rule('wakeAgent.requiresAccess', async () => {
    await create({ agent_key: 'guarded' })
    const statusFor = async (as: typeof caller, body = {}) =>
      (await wake('guarded', { message: 'hi', ...body }, as)).status
    expect(await statusFor(stranger)).toBe(403)
    expect(await statusFor(caller, { user_id: 'mallory' })).toBe(403)
    expect(agents.asked).toEqual([])
    expect(await statusFor(caller)).toBe(200)
    expect(await statusFor({ ...caller, userId: '' })).toBe(200)
    expect((await wake('default', { message: 'hi' }, stranger)).status).toBe(200)
  })

  rule('wakeAgent.makesASession', async () => {
    const { id } = await create({ agent_key: 'fresh' })
    for (const ref of ['fresh', id]) {
      await wake(ref, { message: 'hi' })
      const [{ key }] = (await sessionsOf()) as [Body]
      expect(key).toMatch(new RegExp(`^agent:${ref}:wake-[0-9a-f]{8}$`))
    }
  })

  rule('wakeAgent.continuesSessions', async () => {
    const talk = (message: string, as = caller, agent = 'default') =>
      wake(agent, { message, session_key: 'any key at all' }, as)
    await talk('one')
    await talk('two')
    expect(agents.asked[1]!.messages.slice(1).map(({ content }) => content)).toEqual(['one', 'echo: one', 'two'])
    expect((await talk('mine?', stranger)).status).toBe(403)
    expect((await talk('as admin', { ...admin, userId: 'root' })).status).toBe(200)
    await create({ agent_key: 'another' })
    expect((await talk('yours?', caller, 'another')).status).toBe(400)
    expect((await messagesOf('any key at all')).filter(({ role }) => role === 'user')).toHaveLength(3)
  })

  rule('wakeAgent.namesTheUser', async () => {
    const userOf = async (as: typeof caller) => {
      await wake('default', { message: 'hi', user_id: 'bob' }, as)
      return (await sessionsOf())[0]!['userID'] as string
    }
    expect(await userOf(caller)).toBe('bob')
    expect(await userOf({ ...caller, userId: '' })).toBe('bob')
    expect(await userOf({ ...caller, userBound: true })).toBe('alice')
  })

  rule('wakeAgent.comesFromWake', async () => {
    agents.model = asksTheTime
    const { status } = await wake('default', { message: 'time?', metadata: { channel: 'forged', any: { thing: 1 } } })
    expect(status).toBe(200)
    expect(agents.toolContexts).toMatchObject([{ channel: 'wake', chatId: 'api', peerKind: 'direct' }])
    expect((await sessionsOf())[0]).toMatchObject({ channel: 'wake' })
    expect(JSON.stringify(agents.asked)).not.toContain('forged')
  })

  rule('wakeAgent.leavesOutUnknownUsage', async () => {
    agents.model = without(undefined)
    expect((await wake('default', { message: 'hi' })).body).not.toHaveProperty('usage')
  })

  rule('wakeAgent.requiresAMessage', async () => {
    for (const body of [{}, { message: '' }, { message: null }]) expect((await wake('default', body)).status).toBe(400)
    expect((await wake('default', { message: large })).status).toBe(413)
    expect(agents.asked).toEqual([])
  })

  rule('wakeAgent.answersRunErrors', async () => {
    await create({ agent_key: 'spent', budget_monthly_cents: 1 })
    agents.monthCostUsd = 1
    const refused = await wake('spent', { message: 'hi' })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBeNull()
    expect(refused.body).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: false })
    expect(refused.body).not.toHaveProperty('retryAfterMs')
    for (const [status, error] of [
      [412, new MeshError('FAILED_PRECONDITION', 'error.api_key_ended')],
      [429, new MeshError('RESOURCE_EXHAUSTED', 'error.rate_limit')],
      [503, new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })],
      [504, new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: 'model' })],
    ] as const) {
      agents.model = async function* () {
        throw error
      }
      expect((await wake('default', { message: 'hi' })).status).toBe(status)
    }
  })

  rule('wakeAgent.deliversSilence', async () => {
    agents.model = silent
    expect((await wake('default', { message: 'hi' })).body).toMatchObject({ content: '' })
  })
})
