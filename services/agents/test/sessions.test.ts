import { rule } from '../../../test/support/rule.ts'
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
})

/** Users of a tenant in which nothing has happened yet. */
const newTenant = () => {
  const alice = testCaller({ role: 'operator', userId: 'alice' })
  return { alice, bob: { ...alice, userId: 'bob' }, admin: { ...alice, role: 'admin' as const, userId: 'carol' } }
}
type Caller = ReturnType<typeof testCaller>

const pathOf = (key: string) => `/v1/sessions/${encodeURIComponent(key)}`
const talk = async (caller: Caller, key: string, message = 'hello', agent = 'default') => {
  const body = { message, session_key: key }
  expect((await agents.request(caller, 'POST', `/v1/agents/${agent}/wake`, body)).status).toBe(200)
}
const list = async (caller: Caller, query = '') => {
  const { status, body } = await agents.request<Body>(caller, 'GET', `/v1/sessions${query}`)
  return { status, body, keys: (body['sessions'] as Body[] | undefined)?.map(({ key }) => key as string) }
}
const get = (caller: Caller, key: string) => agents.request<Body>(caller, 'GET', pathOf(key))
const patch = (caller: Caller, key: string, body: object) => agents.request<Body>(caller, 'PATCH', pathOf(key), body)
const reset = (caller: Caller, key: string) => agents.request<Body>(caller, 'POST', `${pathOf(key)}/reset`)
const remove = (caller: Caller, key: string) => agents.request<Body>(caller, 'DELETE', pathOf(key))

/** What becomes of requests of those who may not, and of those that name nothing. */
const expectHidden = async (ask: (caller: Caller, key: string) => Promise<{ status: number }>) => {
  const { alice, bob, admin } = newTenant()
  await talk(alice, 'agent:default:hers')
  expect((await ask(alice, 'agent:default:nothing')).status).toBe(404)
  expect((await ask(bob, 'agent:default:hers')).status).toBe(403)
  expect((await ask(testCaller({ role: 'operator' }), 'agent:default:hers')).status).toBe(404)
  expect((await ask(admin, 'agent:default:hers')).status).toBe(200)
}

describe('listing', () => {
  rule('listSessions.showsOwnOnly', async () => {
    const { alice, bob, admin } = newTenant()
    await talk(alice, 'hers')
    await talk(bob, 'his')
    expect((await list(alice)).keys).toEqual(['hers'])
    expect((await list(alice, '?user_id=bob')).keys).toEqual(['hers'])
    expect((await list(admin)).keys).toEqual(['his', 'hers'])
    expect((await list(admin, '?user_id=alice')).keys).toEqual(['hers'])
    expect((await list({ ...alice, userId: '' })).status).toBe(400)
    expect((await list({ ...admin, userId: '' })).keys).toEqual(['his', 'hers'])
  })

  rule('listSessions.filters', async () => {
    const { admin } = newTenant()
    const made = await agents.request<Body>(admin, 'POST', '/v1/agents', { agent_key: 'other' })
    await talk(admin, 'one')
    await talk(admin, 'two', 'hello', 'other')
    const chat = { model: 'goclaw:other', messages: [{ role: 'user', content: 'hi' }] }
    await agents.request(admin, 'POST', '/v1/chat/completions', chat)
    expect((await list(admin, '?agent_id=default')).keys).toEqual(['one'])
    for (const query of ['agent_id=other', `agentId=${made.body['id']}`, 'agent_id=other&agentId=default'])
      expect((await list(admin, `?${query}&channel=wake`)).keys).toEqual(['two'])
    expect((await list(admin, '?channel=http')).keys).toEqual([expect.stringMatching(/^agent:other:http-/)])
    for (const agent of ['nobody', crypto.randomUUID(), ''])
      expect((await list(admin, `?agent_id=${agent}`)).keys).toEqual([])
  })

  rule('listSessions.capsThePage', async () => {
    const { alice } = newTenant()
    expect((await list(alice, '?limit=501')).body).toMatchObject({ limit: 500, offset: 0 })
    expect((await list(alice)).body).toMatchObject({ limit: 20, offset: 0 })
    for (const limit of ['0', '-1', 'many', '1.5']) expect((await list(alice, `?limit=${limit}`)).status).toBe(400)
    for (const offset of ['-1', 'many'])
      expect((await list(alice, `?offset=${offset}`)).body).toMatchObject({ offset: 0 })
  })

  rule('listSessions.countsAllMatches', async () => {
    const { alice } = newTenant()
    for (const key of ['one', 'two', 'three']) await talk(alice, key)
    await talk(alice, 'one')
    const { body, keys } = await list(alice, '?limit=1&offset=1')
    expect([keys, body['total']]).toEqual([['three'], 3])
    expect((await list(alice)).keys).toEqual(['one', 'three', 'two'])
  })

  rule('listSessions.namesFieldsTwice', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await patch(alice, 'mine', { label: 'L', metadata: { a: '1' } })
    const { body } = await list(alice)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
    const [session] = body['sessions'] as Body[]
    expect(session).toEqual({
      key: 'mine',
      session_key: 'mine',
      messageCount: 2,
      message_count: 2,
      created: time,
      created_at: session!['created'],
      updated: time,
      updated_at: session!['updated'],
      label: 'L',
      channel: 'wake',
      userID: 'alice',
      user_id: 'alice',
      agent_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      agentName: 'Default',
      metadata: { a: '1' },
      model: 'fake-1',
      provider: 'fake',
      inputTokens: 10,
      input_tokens: 10,
      outputTokens: 5,
      output_tokens: 5,
      compactionCount: 0,
      contextWindow: 200_000,
      estimatedTokens: expect.any(Number),
    })
  })

  rule('listSessions.estimatesTokens', async () => {
    const { admin } = newTenant()
    await agents.request(admin, 'POST', '/v1/agents', { agent_key: 'narrow', context_window: 7_000 })
    agents.model = async function* () {
      yield done({ content: 'y' })
    }
    const estimate = async (key: string, message: string) => {
      await talk(admin, key, message, 'narrow')
      const { body } = await list(admin)
      return (body['sessions'] as Body[]).find((session) => session['key'] === key)!
    }
    const short = await estimate('short', 'x')
    const long = await estimate('long', 'x'.repeat(4_001))
    expect(short['contextWindow']).toBe(7_000)
    expect(short['estimatedTokens']).toBeGreaterThan(12_000)
    expect(long['estimatedTokens'] - short['estimatedTokens']).toBe(1_000)
  })
})

describe('reading', () => {
  rule('getSession.hidesOthers', () => expectHidden(get))

  rule('getSession.answersMessages', async () => {
    const { alice } = newTenant()
    await talk(alice, 'talk')
    const { body } = await get(alice, 'talk')
    const created_at = expect.any(String)
    expect(body).toEqual({
      key: 'talk',
      summary: '',
      messages: [
        { role: 'user', content: 'hello', seq: 0, created_at },
        { role: 'assistant', content: 'echo: hello', seq: 1, created_at },
      ],
      total: 2,
      created: expect.any(String),
      updated: expect.any(String),
      agentUUID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      userID: 'alice',
      model: 'fake-1',
      provider: 'fake',
      channel: 'wake',
      inputTokens: 10,
      outputTokens: 5,
      compactionCount: 0,
    })
  })

  rule('getSession.keepsToolSteps', async () => {
    const { alice } = newTenant()
    agents.model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield done({ content: 'done' })
      else
        yield done({
          thinking: 'hm',
          providerState: '[]',
          finishReason: 'tool_calls',
          toolCalls: [{ id: 'a', name: 'clock', argumentsJson: '{}', parseError: 'unexpected end' }],
        })
    }
    await talk(alice, 'thoughtful')
    const { body } = await get(alice, 'thoughtful')
    expect(body['messages'].slice(1, 3)).toEqual([
      {
        role: 'assistant',
        content: '',
        thinking: 'hm',
        seq: 1,
        tool_calls: [{ id: 'a', name: 'clock', arguments: {}, parse_error: 'unexpected end' }],
        created_at: expect.any(String),
      },
      {
        role: 'tool',
        content: expect.stringContaining('could not be read'),
        tool_call_id: 'a',
        is_error: true,
        seq: 2,
        created_at: expect.any(String),
      },
    ])
  })
})

describe('reading a window', () => {
  rule('getSession.showsWindows', async () => {
    const { alice } = newTenant()
    for (const message of ['1', '2', '3']) await talk(alice, 'long', message)
    const window = async (query: string) => {
      const { body } = await agents.request<Body>(alice, 'GET', `${pathOf('long')}?${query}`)
      expect(body['total']).toBe(6)
      return (body['messages'] as Body[]).map(({ seq }) => seq as number)
    }
    expect(await window('')).toEqual([0, 1, 2, 3, 4, 5])
    expect(await window('limit=2')).toEqual([4, 5])
    expect(await window('limit=2&offset=1')).toEqual([3, 4])
    expect(await window('limit=2&before=4')).toEqual([2, 3])
    for (const query of ['limit=0', 'limit=many', 'before=-1'])
      expect((await agents.request(alice, 'GET', `${pathOf('long')}?${query}`)).status).toBe(400)
  })
})

describe('reading more than fits into an answer', () => {
  rule('getSession.boundsTheAnswer', async () => {
    const { alice } = newTenant()
    for (const message of ['1', '2']) await talk(alice, 'large', message)
    const { system } = agents.mesh.database('agents')
    const enlarge = (seq: number, mebibytes: number) =>
      system.query(`UPDATE agents.messages SET content = repeat('x', $3 * 1048576) WHERE tenant_id = $1 AND seq = $2`, [
        alice.tenantId,
        seq,
        mebibytes,
      ])
    const seqs = async (query = '') => {
      const { body } = await agents.request<Body>(alice, 'GET', `${pathOf('large')}${query}`)
      expect(body['total']).toBe(4)
      return (body['messages'] as Body[]).map(({ seq }) => seq as number)
    }
    for (const seq of [1, 2]) await enlarge(seq, 9)
    expect(await seqs()).toEqual([2, 3])
    expect(await seqs('?before=2')).toEqual([0, 1])
    expect(await seqs('?limit=3')).toEqual([2, 3])
    await enlarge(3, 17)
    expect(await seqs()).toEqual([3])
  })
})

describe('changing', () => {
  rule('patchSession.hidesOthers', () => expectHidden((caller, key) => patch(caller, key, { label: 'x' })))

  rule('patchSession.setsWhatIsNamed', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    expect((await patch(alice, 'mine', { label: 'L', model: 'm' })).body).toEqual({ ok: true, key: 'mine' })
    await patch(alice, 'mine', { metadata: {} })
    expect((await get(alice, 'mine')).body).toMatchObject({ label: 'L', model: 'm' })
    await patch(alice, 'mine', { label: '', model: '' })
    const { body } = await get(alice, 'mine')
    expect(body).not.toHaveProperty('label')
    expect(body['model']).toBe('m')
  })

  rule('patchSession.mergesMetadata', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await patch(alice, 'mine', { metadata: { a_b: '1', c: '2' } })
    await patch(alice, 'mine', { metadata: { c: '3' } })
    expect((await get(alice, 'mine')).body['metadata']).toEqual({ a_b: '1', c: '3' })
    for (const metadata of [{ c: null }, { c: 1 }, { c: {} }])
      expect((await patch(alice, 'mine', { metadata })).status).toBe(400)
  })

  rule('patchSession.givesWayToRuns', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await patch(alice, 'mine', { model: 'wished-for' })
    await talk(alice, 'mine')
    expect(agents.asked.at(-1)!.model).toBe('')
    expect((await get(alice, 'mine')).body['model']).toBe('fake-1')
  })

  rule('patchSession.isAudited', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await patch(alice, 'mine', { label: 'hush' })
    const audit = await agents.auditOf(alice.tenantId, 'sessionPatched')
    expect(audit).toEqual({
      action: 'session.patched',
      data: { id: 'mine', actorId: 'alice', userId: 'alice', label: 'hush' },
    })
  })
})

describe('emptying', () => {
  rule('resetSession.hidesOthers', () => expectHidden(reset))

  rule('resetSession.emptiesTheConversation', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await patch(alice, 'mine', { label: 'L', metadata: { a: '1' } })
    await agents.mesh
      .database('agents')
      .pool.query(`UPDATE agents.sessions SET summary = 'long ago' WHERE tenant_id = $1`, [alice.tenantId])
    expect((await reset(alice, 'mine')).body).toEqual({ ok: true })
    expect((await get(alice, 'mine')).body).toMatchObject({
      messages: [],
      summary: '',
      label: 'L',
      metadata: { a: '1' },
      inputTokens: 10,
      outputTokens: 5,
    })
    await talk(alice, 'mine', 'afresh')
    const shown = agents.asked.at(-1)!.messages
    expect(shown.slice(1).map(({ content }) => content)).toEqual(['afresh'])
    expect(shown[0]!.content).not.toContain('long ago')
  })

  rule('resetSession.isAudited', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await reset(alice, 'mine')
    const audit = await agents.auditOf(alice.tenantId, 'sessionReset')
    expect(audit).toEqual({ action: 'session.reset', data: { id: 'mine', actorId: 'alice' } })
  })
})

describe('deleting', () => {
  rule('deleteSession.hidesOthers', async () => {
    await expectHidden(remove)
    const { admin } = newTenant()
    expect((await remove(admin, 'nothing')).body).toEqual({ ok: true })
  })

  rule('deleteSession.removesTheSession', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    expect((await remove(alice, 'mine')).body).toEqual({ ok: true })
    expect((await get(alice, 'mine')).status).toBe(404)
    const { rows } = await agents.mesh
      .database('agents')
      .pool.query<{ n: number }>('SELECT count(*)::int AS n FROM agents.messages WHERE tenant_id = $1', [
        alice.tenantId,
      ])
    expect(rows[0]!.n).toBe(0)
  })

  rule('deleteSession.isAudited', async () => {
    const { alice } = newTenant()
    await talk(alice, 'mine')
    await remove(alice, 'mine')
    const audit = await agents.auditOf(alice.tenantId, 'sessionDeleted')
    expect(audit).toEqual({ action: 'session.deleted', data: { id: 'mine', actorId: 'alice' } })
  })
})

describe('listing over a WebSocket', () => {
  const ask = async (caller: Caller, params: object = {}) => {
    const { resultJson } = await agents.mesh
      .methods('agents')
      .callMethod(agents.call({ ...caller, credential: 'gateway-token' }), {
        method: 'sessions.list',
        paramsJson: JSON.stringify(params),
      })
    return JSON.parse(resultJson) as Body & { sessions: Body[] }
  }
  const keys = async (caller: Caller, params?: object) => (await ask(caller, params)).sessions.map(({ key }) => key)

  rule('sessions.list.showsOwnOnly', async () => {
    const { alice, bob, admin } = newTenant()
    await talk(alice, 'hers')
    await talk(bob, 'his')
    expect(await keys(alice, { user_id: 'bob' })).toEqual(['hers'])
    expect(await keys(admin)).toEqual(['his', 'hers'])
    expect(await keys(testCaller({ role: 'admin' }))).toEqual([])
    await expect(ask({ ...alice, userId: '' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  rule('sessions.list.filters', async () => {
    const { admin } = newTenant()
    const made = await agents.request<Body>(admin, 'POST', '/v1/agents', { agent_key: 'other' })
    await talk(admin, 'one')
    await talk(admin, 'two', 'hello', 'other')
    for (const params of [{ agentId: 'other' }, { agent_id: made.body['id'] }, { agent_key: 'other', channel: 'wake' }])
      expect(await keys(admin, params)).toEqual(['two'])
    for (const params of [{ agentId: 'nobody' }, { agentId: '%' }, { channel: 'w%' }])
      expect(await keys(admin, params)).toEqual([])
  })

  rule('sessions.list.capsThePage', async () => {
    const { alice } = newTenant()
    expect(await ask(alice, { limit: 201 })).toMatchObject({ limit: 200, offset: 0 })
    expect(await ask(alice)).toEqual({ sessions: [], total: 0, limit: 20, offset: 0 })
    await expect(ask(alice, { limit: 0 })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  rule('sessions.list.countsAllMatches', async () => {
    const { alice } = newTenant()
    for (const key of ['one', 'two', 'three']) await talk(alice, key)
    const { sessions, total } = await ask(alice, { limit: 1, offset: 1 })
    expect([sessions.map(({ key }) => key), total]).toEqual([['two'], 3])
    const { sessions: whole } = (await list(alice, '?limit=1&offset=1')).body
    const twice = ['session_key', 'agent_id', 'user_id', 'message_count', 'input_tokens', 'output_tokens']
    for (const field of [...twice, 'created_at', 'updated_at']) delete whole[0][field]
    expect(sessions).toEqual(whole)
  })
})
