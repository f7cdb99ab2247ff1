import { setTimeout as sleep } from 'node:timers/promises'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { eventSubject, MeshError, type Caller, type RunEvent } from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { until } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'
import { aborted } from '../../../test/support/aborted.ts'

let agents: AgentsUnderTest
const caller = testCaller({ role: 'operator', userId: 'alice' })

beforeAll(async () => {
  agents = await startAgents({ CLAWMESH_RUN_HEARTBEAT_MS: '200', CLAWMESH_RUN_LEASE_MS: '1000' })
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
  agents.asked.length = 0
  agents.monthCostUsd = 0
})

const chat = (body: object, as = caller, headers = {}) =>
  agents.request<Record<string, any>>(as, 'POST', '/v1/chat/completions', body, headers)
const hello = { model: 'goclaw:default', messages: [{ role: 'user', content: 'hello' }] }
const wake = (body: object, as = caller) =>
  agents.request<Record<string, any>>(as, 'POST', '/v1/agents/default/wake', body)
const admin = { ...caller, role: 'admin' as const }
const session = async (key: string) =>
  (await agents.request<Record<string, any>>(admin, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body

const imagesOf = (url: string, count: number) => ({
  messages: [{ role: 'user', content: Array(count).fill({ type: 'image_url', image_url: { url } }) }],
})

const frames = (body: unknown) =>
  String(body)
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice('data: '.length))

describe('a chat completion', () => {
  rule('createChatCompletion.hasASessionOfItsOwn', async () => {
    const { status, body } = await chat(hello)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      object: 'chat.completion',
      model: 'goclaw:default',
      choices: [{ index: 0, message: { role: 'assistant', content: 'echo: hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    })
    const key = `agent:default:http-alice-${String(body['id']).slice('chatcmpl-'.length)}`
    expect((await session(key))['messages']).toMatchObject([
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'echo: hello' },
    ])
  })

  rule('createChatCompletion.streamsDeltas', async () => {
    const { body, headers } = await chat({ ...hello, stream: true, stream_options: { include_usage: true } })
    expect(headers.get('content-type')).toBe('text/event-stream')
    const sent = frames(body)
    expect(sent.at(-1)).toBe('[DONE]')
    const chunks = sent.slice(0, -1).map((frame) => JSON.parse(frame))
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'echo:' },
      { content: ' hello' },
      {},
      undefined,
    ])
    expect(chunks[3].choices[0].finish_reason).toBe('stop')
    expect(chunks[4].usage).toEqual({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 0 },
    })
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
  })

  it.each([
    ['<think>secret</think>hello', 'hello'],
    ['<final>Done</final>', 'Done'],
    ['NO_REPLY', ''],
    ['<think>secret</think>', '...'],
  ])(
    'of %j is %j: in chunks, in live events, in what is stored and in what the model is shown again',
    async (raw, shown) => {
      agents.model = async function* () {
        for (const unit of raw) yield text(unit)
        yield done({ content: raw })
      }
      const events: RunEvent[] = []
      const stop = agents.bus.subscribe(
        `mesh.runs.${caller.tenantId}.*`,
        (event) => void events.push(event as RunEvent),
      )
      const { body } = await chat({ ...hello, stream: true })
      const deltas = frames(body)
        .slice(0, -1)
        .map((frame) => JSON.parse(frame))
      const ofRun = () => events.filter(({ runId }) => `chatcmpl-${runId.slice(0, 8)}` === deltas[0].id)
      while (ofRun().at(-1)?.type !== 'run.completed') await sleep(10)
      stop()
      expect(deltas.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(shown)
      const said = ofRun().filter(({ type }) => type === 'chunk') as { content: string }[]
      expect(said.map(({ content }) => content).join('')).toBe(shown)
      expect(ofRun().at(-1)).toMatchObject({ type: 'run.completed', content: shown })

      const key = `agent:default:clean-${Math.random()}`
      await wake({ message: 'hi', session_key: key })
      expect((await session(key))['messages'].at(-1)).toMatchObject({ role: 'assistant', content: shown })
      await wake({ message: 'again', session_key: key })
      const again = agents.asked.at(-1)!.messages.filter(({ role }) => role === 'assistant')
      expect(again.map(({ content }) => content)).toEqual(shown === '' ? [] : [shown])
    },
  )

  rule('createChatCompletion.showsEarlierMessages', async () => {
    const { body } = await chat({
      model: '',
      messages: [
        { role: 'system', content: 'Speak Latin.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'unus' },
        { role: 'developer', content: 'Count on.' },
        { role: 'user', content: [{ type: 'text', text: 'two' }] },
      ],
    })
    const [{ messages }] = agents.asked as [(typeof agents.asked)[0]]
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
    expect(messages[0]!.content).toContain('Speak Latin.\n\nCount on.')
    expect(messages.at(-1)!.content).toBe('two')
    const stored = await session(`agent:default:http-alice-${String(body['id']).slice('chatcmpl-'.length)}`)
    expect(stored['messages'].map(({ content }: { content: string }) => content)).toEqual(['two', 'echo: two'])
  })

  it('passes texts and inline images to the model in the order of the message', async () => {
    const url = `data:image/png;base64,${Buffer.from('png').toString('base64')}`
    const content = [
      { type: 'text', text: 'what is it?' },
      { type: 'image_url', image_url: { url } },
      { type: 'text', text: 'and why?' },
    ]
    expect((await chat({ messages: [{ role: 'user', content }] })).status).toBe(200)
    const { parts } = agents.asked[0]!.messages.at(-1)!
    expect(
      parts.map(({ part }) =>
        part?.$case === 'image' ? [part.value.mimeType, Buffer.from(part.value.data).toString()] : part?.value,
      ),
    ).toEqual(['what is it?', ['image/png', 'png'], 'and why?'])
  })

  it.each([
    [404, 'an unknown agent', { ...hello, model: 'goclaw:nobody' }],
    [400, 'no messages', { messages: [] }],
    [400, '400 images', imagesOf('http://images.example/a.png', 400)],
    [400, 'an image whose URL is 40,000 dots', imagesOf(`http://${'.'.repeat(40_000)}a/`, 1)],
    [400, 'an image with a long host of dots', imagesOf(`http://${'.'.repeat(8_000)}a/`, 1)],
    [400, 'no user message', { messages: [{ role: 'system', content: 'x' }] }],
    [400, 'an empty user message', { messages: [{ role: 'user', content: ' ' }] }],
    [400, 'a wrong type', { messages: 'hello' }],
    [
      400,
      'an image that is none',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'data:text/html,x' }] }] },
    ],
  ])(ruleName('createChatCompletion.nestsErrors', '%i for %s'), async (status, _, body) => {
    const answer = await chat(body)
    expect(answer.status).toBe(status)
    expect(answer.body['error']).toMatchObject({
      message: expect.any(String),
      type: expect.any(String),
      code: expect.any(String),
    })
    expect(agents.asked).toEqual([])
  })

  rule('createChatCompletion.namesTheUser', async () => {
    const userOf = async (as: Partial<Caller>, body: object) => {
      const { status, body: answer } = await chat({ ...hello, ...body }, { ...caller, ...as })
      if (status !== 200) return status
      const { body: sessions } = await agents.request<{ sessions: { key: string }[] }>(admin, 'GET', '/v1/sessions')
      const eight = String(answer['id']).slice('chatcmpl-'.length)
      return /:http-(.*)-/.exec(sessions.sessions.find(({ key }) => key.endsWith(eight))!.key)![1]
    }
    expect(await userOf({ userId: '', fallbackUserId: 'gateway' }, {})).toBe('gateway')
    expect(await userOf({ userId: 'system', fallbackUserId: 'system' }, {})).toBe('system')
    expect(await userOf({ userId: '', fallbackUserId: 'gateway' }, { user: 'bob' })).toBe('bob')
    expect(await userOf({ userId: 'alice' }, { user: 'bob' })).toBe('alice')
    expect(await userOf({ userId: '', userBound: true }, { user: 'bob' })).toBe(400)
  })

  it.each(['x'.repeat(256), 'a\u0007b', 7])('a user that a header could not name is refused: %j', async (user) => {
    const { status, body } = await chat({ ...hello, user }, { ...caller, userId: '', fallbackUserId: 'gateway' })
    expect(status).toBe(400)
    expect(body['error']).toMatchObject({ param: 'user' })
  })

  rule('createChatCompletion.keepsTheBoundUser', async () => {
    const { body } = await chat({ ...hello, user: 'mallory' }, { ...caller, userBound: true })
    const key = `agent:default:http-alice-${String(body['id']).slice('chatcmpl-'.length)}`
    expect((await session(key))['messages']).toHaveLength(2)
  })

  rule('createChatCompletion.failsBeforeTheStream', async () => {
    agents.model = async function* () {
      throw new MeshError(
        'RESOURCE_EXHAUSTED',
        'error.provider_rate_limit',
        { provider: 'fake' },
        { retryAfterMs: 7_000 },
      )
    }
    for (const stream of [true, false]) {
      const { status, headers, body } = await chat({ ...hello, stream })
      expect(status).toBe(429)
      expect(headers.get('retry-after')).toBe('7')
      expect(body['error']).toMatchObject({ type: 'rate_limit_error' })
    }
  })

  rule('createChatCompletion.endsBrokenStreams', async () => {
    agents.model = async function* () {
      yield text('half')
      throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })
    }
    const sent = frames((await chat({ ...hello, stream: true })).body)
    expect(sent).not.toContain('[DONE]')
    expect(JSON.parse(sent.at(-1)!)).toMatchObject({ error: { type: 'server_error', code: 'UNAVAILABLE' } })
  })

  rule('createChatCompletion.endsWithItsClient', async () => {
    let cancelled = false
    agents.model = async function* (_request, call) {
      yield text('first')
      await aborted(call.signal)
      cancelled = true
      throw new MeshError('CANCELLED', 'error.cancelled')
    }
    const events: RunEvent[] = []
    const stop = agents.bus.subscribe(`mesh.runs.${caller.tenantId}.*`, (event) => void events.push(event as RunEvent))
    const abort = new AbortController()
    const leaving = agents.requestAborting(
      caller,
      'POST',
      '/v1/chat/completions',
      { ...hello, stream: true },
      { signal: abort.signal },
    )
    while (!events.some(({ type }) => type === 'chunk')) await sleep(10)
    abort.abort()
    await leaving
    while (!events.some(({ type }) => type === 'run.cancelled')) await sleep(10)
    expect(cancelled).toBe(true)
    stop()
  })
})

describe('tools', () => {
  rule('getSession.keepsToolSteps', async () => {
    agents.model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield done({ content: `it is ${messages.at(-1)!.content}` })
      else
        yield done({
          content: 'let me look',
          finishReason: 'tool_calls',
          toolCalls: ['a', 'b'].map((id) => ({ id, name: 'clock', argumentsJson: `{"zone":"${id}"}`, parseError: '' })),
        })
    }
    const { body } = await wake({ message: 'what time is it?', session_key: 'agent:default:tools' })
    expect(body['content']).toBe('it is noon {"zone":"b"}')
    expect((await session('agent:default:tools'))['messages']).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'let me look', tool_calls: [{ id: 'a', arguments: { zone: 'a' } }, { id: 'b' }] },
      { role: 'tool', tool_call_id: 'a', content: 'noon {"zone":"a"}' },
      { role: 'tool', tool_call_id: 'b' },
      { role: 'assistant', content: 'it is noon {"zone":"b"}' },
    ])
  })

  it.each(['builtin_tools', 'mcp', 'secure_cli', 'custom_tools', 'system_configs'])(
    'are asked for once, and anew when %s change',
    async (kind) => {
      const offered = async () => {
        await chat(hello)
        return agents.asked.at(-1)!.tools.map(({ name }) => name)
      }
      expect(await offered()).toEqual(['clock'])
      agents.moreTools = [kind]
      expect(await offered()).toEqual(['clock'])
      agents.bus.signal(`mesh.cache.${kind}`, { kind, tenantId: caller.tenantId })
      await until(async () => (await offered()).includes(kind))
      agents.moreTools = []
      agents.bus.signal(`mesh.cache.${kind}`, { kind, tenantId: caller.tenantId })
      await until(async () => !(await offered()).includes(kind))
    },
  )

  rule('createChatCompletion.endsAtTheIterationLimit', async () => {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'limited', max_tool_iterations: 3 })
    agents.model = async function* ({ tools }) {
      const n = agents.asked.length
      yield tools.length === 0
        ? done({ content: 'enough' })
        : done({
            toolCalls: [{ id: `c${n}`, name: 'clock', argumentsJson: `{"n":${n}}`, parseError: '' }],
            finishReason: 'tool_calls',
          })
    }
    const { body } = await chat({ ...hello, model: 'goclaw:limited' })
    expect(body['choices'][0].message.content).toBe('enough')
    expect(agents.asked.map(({ tools }) => tools.length)).toEqual([1, 1, 0])
  })

  it('whose arguments are nested 50,000 deep are told to the model as unreadable', async () => {
    agents.model = async function* ({ messages }) {
      const last = messages.at(-1)!
      const argumentsJson = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
      if (last.role === 'tool') yield done({ content: last.content })
      else
        yield done({
          toolCalls: [{ id: 'a', name: 'clock', argumentsJson, parseError: '' }],
          finishReason: 'tool_calls',
        })
    }
    const { status, body } = await chat(hello)
    expect(status).toBe(200)
    expect(body['choices'][0].message.content).toContain('nested deeper than 100')
  })

  rule('chat.send.trimsToolEvents', async () => {
    const key = `ghp_${'q7Rt'.repeat(10)}`
    const argumentsJson = JSON.stringify({ note: `${'x'.repeat(499)}😀`, header: `use ${key}`, password: 'two words' })
    agents.model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield done({ content: 'ok' })
      else
        yield done({
          toolCalls: [{ id: 'watched', name: 'clock', argumentsJson, parseError: '' }],
          finishReason: 'tool_calls',
        })
    }
    const events: RunEvent[] = []
    const stop = agents.bus.subscribe(`mesh.runs.${caller.tenantId}.*`, (event) => void events.push(event as RunEvent))
    await chat(hello)
    const watched = (type: string) =>
      events.find((event) => event.type === type && 'id' in event && event.id === 'watched')
    while (!watched('tool.result')) await sleep(10)
    stop()
    const shown = { note: 'x'.repeat(499), header: 'use [REDACTED]', password: '[REDACTED]' }
    expect(watched('tool.call')).toMatchObject({ arguments: shown })
    const result = watched('tool.result') as Extract<RunEvent, { type: 'tool.result' }>
    expect(result.arguments).toEqual(shown)
    expect(result.result).not.toContain(key)
    expect(result.result.isWellFormed()).toBe(true)
  })

  it('tell the model when its arguments could not be read', async () => {
    agents.model = async function* ({ messages }) {
      const last = messages.at(-1)!
      if (last.role === 'tool') yield done({ content: last.content })
      else
        yield done({
          toolCalls: [{ id: 'a', name: 'clock', argumentsJson: '{}', parseError: 'unexpected end' }],
          finishReason: 'tool_calls',
        })
    }
    expect((await chat(hello)).body['choices'][0].message.content).toContain('could not be read')
  })
})

describe('sessions', () => {
  it('have metadata within bounds, however many PATCHes add to them', async () => {
    const key = 'agent:default:metadata'
    await wake({ message: 'one', session_key: key })
    const path = `/v1/sessions/${encodeURIComponent(key)}`
    const patch = async (metadata: object) =>
      (await agents.request<Record<string, any>>(admin, 'PATCH', path, { metadata })).status
    expect(await patch({ a: 'x'.repeat(900_000) })).toBe(400)
    const statuses: number[] = []
    for (let call = 0; call < 10; call++) statuses.push(await patch({ [`k${call}`]: 'x'.repeat(6_000) }))
    expect(statuses).toEqual([200, 200, 200, 200, 200, 400, 400, 400, 400, 400])
    expect(await patch(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`n${n}`, ''])))).toBe(400)
    expect(await patch({ k0: '', k1: 'y'.repeat(6_000), more: 'x'.repeat(5_000) })).toBe(200)
    expect(Object.keys((await session(key))['metadata'])).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'more'])
  })

  it('carry the conversation on', async () => {
    await wake({ message: 'one', session_key: 'agent:default:talk' })
    await wake({ message: 'two', session_key: 'agent:default:talk' })
    expect(agents.asked[1]!.messages.slice(1).map(({ content }) => content)).toEqual(['one', 'echo: one', 'two'])
  })

  it('answer two messages at once one after the other', async () => {
    let running = 0
    let most = 0
    agents.model = async function* (request, call) {
      most = Math.max(most, ++running)
      await sleep(100)
      running--
      yield* echo(request, call)
    }
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((message) => wake({ message, session_key: 'agent:default:busy' })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(most).toBe(1)
    const { messages } = (await session('agent:default:busy')) as { messages: { role: string }[] }
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user', 'assistant'])
  })

  it('begin together, twenty of them with two messages each, and each message is answered in its own', async () => {
    const sessions = Array.from({ length: 20 }, (_, number) => `agent:default:crowd-${number}`)
    const asks = sessions.flatMap((key) => [`first of ${key}`, `second of ${key}`].map((message) => ({ key, message })))
    const answers = await Promise.all(asks.map(({ key, message }) => wake({ message, session_key: key })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    for (const key of sessions) {
      const { messages } = (await session(key)) as { messages: { role: string; content: string }[] }
      const said = messages.filter(({ role }) => role === 'user').map(({ content }) => content)
      expect(said.toSorted()).toEqual([`first of ${key}`, `second of ${key}`])
      expect(messages.map(({ content }) => content)).toEqual(said.flatMap((content) => [content, `echo: ${content}`]))
    }
  })

  it('of somebody else, or of another agent, cannot be continued', async () => {
    await wake({ message: 'mine', session_key: 'agent:default:mine' })
    const bob = { ...caller, userId: 'bob' }
    expect((await wake({ message: 'yours?', session_key: 'agent:default:mine' }, bob)).status).toBe(403)
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'other' })
    const elsewhere = { message: 'x', session_key: 'agent:default:mine' }
    expect((await agents.request(admin, 'POST', '/v1/agents/other/wake', elsewhere)).status).toBe(400)
  })

  it('keep text that PostgreSQL could not', async () => {
    agents.model = async function* () {
      yield done({ content: 'a\0b\ud800' })
    }
    expect((await wake({ message: 'x', session_key: 'agent:default:nul' })).status).toBe(200)
    expect((await session('agent:default:nul'))['messages'][1].content).toBe('ab\ufffd')
  })
})

describe('a run that is being stored while the model is asked', () => {
  const pool = () => agents.mesh.database('agents').pool
  /** Keeps new runs from being stored until told otherwise. */
  const withoutRuns = async (work: (free: () => Promise<void>) => Promise<void>) => {
    const client = await pool().connect()
    await client.query('BEGIN')
    await client.query('LOCK TABLE agents.runs IN EXCLUSIVE MODE')
    let free = async () => {
      free = async () => undefined
      await client.query('ROLLBACK')
      client.release()
    }
    try {
      await work(() => free())
    } finally {
      await free()
    }
  }

  it('says nothing and calls no tool before it is stored', async () => {
    await withoutRuns(async (free) => {
      let answered = false
      const answer = chat({ ...hello, stream: true }).finally(() => (answered = true))
      while (agents.asked.length === 0) await sleep(5)
      await sleep(150)
      expect(answered).toBe(false)
      await free()
      expect(frames((await answer).body).at(-1)).toBe('[DONE]')
    })
  })

  it('takes another name, and asks the model again, when the one made up for its session is taken', async () => {
    await pool().query(`
      CREATE SEQUENCE agents.begun;
      CREATE FUNCTION agents.skip_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN IF nextval('agents.begun') = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
      CREATE TRIGGER skip_first BEFORE INSERT ON agents.sessions FOR EACH ROW EXECUTE FUNCTION agents.skip_first()`)
    try {
      const { status, body } = await chat({ ...hello, stream: true })
      expect(status).toBe(200)
      const sent = frames(body)
      expect(sent.at(-1)).toBe('[DONE]')
      const ids = sent.slice(0, -1).map((frame) => JSON.parse(frame).id as string)
      expect(new Set(ids).size).toBe(1)
      expect(agents.asked).toHaveLength(2)
      const kept = await session(`agent:default:http-alice-${ids[0]!.slice('chatcmpl-'.length)}`)
      expect(kept['messages']).toHaveLength(2)
    } finally {
      await pool().query(
        'DROP TRIGGER skip_first ON agents.sessions; DROP FUNCTION agents.skip_first; DROP SEQUENCE agents.begun',
      )
    }
  })

  it('is refused as a whole, and its model call ended, when it cannot be stored', async () => {
    let ended = false
    agents.model = async function* (_request, call) {
      await aborted(call.signal)
      ended = true
      yield done({ content: 'nobody hears this' })
    }
    await pool().query('ALTER TABLE agents.runs RENAME TO runs_away')
    try {
      expect((await chat(hello)).status).toBe(500)
      while (!ended) await sleep(5)
      // Now it is known that runs cannot be stored: no model is asked in vain.
      const asked = agents.asked.length
      expect((await chat(hello)).status).toBe(500)
      expect(agents.asked).toHaveLength(asked)
    } finally {
      await pool().query('ALTER TABLE agents.runs_away RENAME TO runs')
    }
    agents.model = echo
    expect((await chat(hello)).status).toBe(200)
  })
})

describe('a run whose process died', () => {
  it('is declared failed, its session freed, and its end told once', async () => {
    const finished: any[] = []
    const stop = await consumeEvents(agents.bus, {
      durable: 'test',
      subject: eventSubject('runEnded', caller.tenantId),
      batchSize: 10,
      handle: async (batch) => void finished.push(...batch.map(({ data }) => data)),
    })
    const agent = await agents.rpc(AgentsServiceService).resolveAgent(agents.call(caller), { agent: 'default' })
    const pool = agents.mesh.database('agents').pool
    const [runId, sessionId] = [crypto.randomUUID(), crypto.randomUUID()]
    await pool.query(
      `INSERT INTO agents.sessions (id, tenant_id, session_key, agent_id, user_id, lease_run_id) VALUES ($1, $2, 'agent:default:lost', $3, 'alice', $4)`,
      [sessionId, caller.tenantId, agent.id, runId],
    )
    await pool.query(
      `INSERT INTO agents.runs (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
       VALUES ($1, $2, $3, 'agent:default:lost', $4, 'default', 'alice', 'wake', 'hi', now() - interval '1 second')`,
      [runId, caller.tenantId, sessionId, agent.id],
    )
    const { status } = await wake({ message: 'anyone?', session_key: 'agent:default:lost' })
    expect(status).toBe(200)
    while (!finished.some((event) => event.runId === runId)) await sleep(20)
    // Were it told twice, the second would be here by now.
    await sleep(100)
    expect(finished.filter((event) => event.runId === runId)).toMatchObject([{ status: 'failed' }])
    await stop()
  })

  it('is traced as what it was: a run of a job, of a heartbeat, of a chat', async () => {
    const traces: Record<string, unknown>[] = []
    const stop = await consumeEvents(agents.bus, {
      durable: 'names',
      subject: eventSubject('runEnded', caller.tenantId),
      batchSize: 10,
      handle: async (batch) => void traces.push(...batch.map(({ data }) => (data as { trace: any }).trace)),
    })
    const { id: agentId } = await agents
      .rpc(AgentsServiceService)
      .resolveAgent(agents.call(caller), { agent: 'default' })
    const pool = agents.mesh.database('agents').pool
    const jobId = crypto.randomUUID()
    await pool.query(
      `INSERT INTO agents.cron_jobs (id, tenant_id, agent_id, user_id, name, enabled, schedule, message, delete_after_run, stateless,
         deliver, deliver_channel, deliver_to, wake_heartbeat)
       VALUES ($1, $2, $3, 'alice', 'digest', false, '{}', 'hi', false, false, false, '', '', false)`,
      [jobId, caller.tenantId, agentId],
    )
    const lost = {
      'Cron [digest] - default': [`agent:default:cron:${jobId}`, 'cron', ['cron']],
      'Heartbeat [default]': ['agent:default:heartbeat', 'heartbeat', undefined],
      'chat default': [`agent:default:cron:${jobId}`, 'wake', undefined],
    } as const
    for (const [sessionKey, channel] of Object.values(lost))
      await pool.query(
        `WITH session AS (
           INSERT INTO agents.sessions (id, tenant_id, session_key, agent_id, user_id)
           VALUES ($1, $2, $3, $4, 'alice') ON CONFLICT (tenant_id, session_key) DO UPDATE SET user_id = 'alice' RETURNING id
         )
         INSERT INTO agents.runs (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
         SELECT $1, $2, id, $3, $4, 'default', 'alice', $5, 'hi', now() - interval '1 second' FROM session`,
        [crypto.randomUUID(), caller.tenantId, sessionKey, agentId, channel],
      )
    const named = () => traces.filter(({ input_preview }) => input_preview === 'hi')
    await until(() => named().length === 3)
    for (const [name, [sessionKey, channel, tags]] of Object.entries(lost))
      expect(named()).toContainEqual(
        expect.objectContaining({ name, status: 'error', session_key: sessionKey, channel, ...(tags && { tags }) }),
      )
    await stop()
  })

  it('cannot write any more once it was declared failed', async () => {
    agents.model = async function* () {
      const pool = agents.mesh.database('agents').pool
      await pool.query(`UPDATE agents.runs SET status = 'failed' WHERE session_key = 'agent:default:fenced'`)
      yield done({ content: 'too late' })
    }
    expect((await wake({ message: 'x', session_key: 'agent:default:fenced' })).status).toBe(503)
    expect((await session('agent:default:fenced'))['messages']).toHaveLength(1)
  })
})
