/** Sessions over a WebSocket, where they differ from HTTP in more than form, and branches over both. */
import type { Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'
import { aborted } from '../../../test/support/aborted.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
})

const newTenant = () => {
  const alice = testCaller({ role: 'operator', userId: 'alice', credential: 'gateway-token' })
  return { alice, bob: { ...alice, userId: 'bob' }, admin: { ...alice, role: 'admin' as const, userId: 'carol' } }
}
const ask = async (caller: Caller, method: string, params: object = {}): Promise<Body> => {
  const asked = { method, paramsJson: JSON.stringify(params) }
  const { resultJson } = await agents.mesh.methods('agents').callMethod(agents.call(caller), asked)
  return JSON.parse(resultJson) as Body
}
const send = (caller: Caller, sessionKey: string, message = 'hello') =>
  ask(caller, 'chat.send', { sessionKey, message })
const preview = (caller: Caller, key: string, window: object = {}) =>
  ask(caller, 'sessions.preview', { key, ...window })
const session = async (caller: Caller, key: string) =>
  (await agents.request<Body>(caller, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body
const said = ({ messages }: Body) => (messages as Body[]).map(({ content }) => content as string)
const key = 'agent:default:ws:direct:hers'

/** What becomes of a method for those who may not, and where nothing is. */
const expectHidden = async (method: string, params: object = {}) => {
  const { alice, bob, admin } = newTenant()
  await send(alice, key)
  const of = (caller: Caller, name = key) => ask(caller, method, { ...params, session_key: name })
  await expect(of(bob)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(of(alice, 'agent:default:none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(of(newTenant().alice)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await of(admin)).toMatchObject(method === 'sessions.preview' ? { key } : { ok: true })
}

rule('sessions.preview.showsTheConversation', async () => {
  const { alice } = newTenant()
  await send(alice, key, 'one')
  await send(alice, key, 'two')
  const whole = await preview(alice, key)
  expect(whole).toMatchObject({ key, summary: '', total: 4 })
  expect(said(whole)).toEqual(['one', 'echo: one', 'two', 'echo: two'])
  expect(said(await preview(alice, key, { limit: 1, offset: 1 }))).toEqual(['two'])
})
rule('sessions.preview.hidesOthers', () => expectHidden('sessions.preview'))

rule('sessions.patch.changesAsOverHttp', async () => {
  const { alice } = newTenant()
  await send(alice, key)
  const params = { sessionKey: key, label: 'L', metadata: { a_b: '1' } }
  expect(await ask(alice, 'sessions.patch', params)).toEqual({ ok: true, key })
  await ask(alice, 'sessions.patch', { key, model: '', metadata: { c: '2' } })
  expect(await session(alice, key)).toMatchObject({ label: 'L', model: 'fake-1', metadata: { a_b: '1', c: '2' } })
})
rule('sessions.patch.hidesOthers', () => expectHidden('sessions.patch', { label: 'x' }))

rule('sessions.label.setsTheLabel', async () => {
  const { alice } = newTenant()
  await send(alice, key)
  await ask(alice, 'sessions.label', { key, label: 'L' })
  expect((await session(alice, key))['label']).toBe('L')
  await ask(alice, 'sessions.label', { key, label: '' })
  expect(await session(alice, key)).not.toHaveProperty('label')
})
rule('sessions.label.hidesOthers', () => expectHidden('sessions.label', { label: 'x' }))

rule('sessions.reset.emptiesTheConversation', async () => {
  const { alice } = newTenant()
  await send(alice, key)
  await ask(alice, 'sessions.label', { key, label: 'L' })
  expect(await ask(alice, 'sessions.reset', { key })).toEqual({ ok: true })
  expect(await session(alice, key)).toMatchObject({ messages: [], summary: '', label: 'L', inputTokens: 10 })
})
rule('resetSession.endsItsRun', async () => {
  const { alice } = newTenant()
  const answer = neverEnding(alice)
  while ((await ask(alice, 'chat.session.status', { sessionKey: key }))['isRunning'] !== true);
  await ask(alice, 'sessions.reset', { key })
  expect(await answer).toMatchObject({ cancelled: true })
  expect(await session(alice, key)).toMatchObject({ messages: [] })
  agents.model = echo
  await send(alice, key, 'again')
  expect(said(await preview(alice, key))).toEqual(['again', 'echo: again'])
})

rule('sessions.reset.hidesOthers', () => expectHidden('sessions.reset'))

/** A session in which a run is on that would never end by itself, and what its message is answered. */
const neverEnding = async (caller: Caller) => {
  const begun = Promise.withResolvers<void>()
  agents.model = async function* (_request, { signal }) {
    yield text('so ')
    begun.resolve()
    await aborted(signal)
    yield done({ content: 'so ' })
  }
  const answer = send(caller, key)
  await begun.promise
  return answer
}
const removed = async (caller: Caller, remove: () => Promise<unknown>) => {
  const answer = neverEnding(caller)
  while ((await ask(caller, 'chat.session.status', { sessionKey: key }))['isRunning'] !== true);
  await remove()
  expect(await answer).toMatchObject({ cancelled: true })
  await expect(preview(caller, key)).rejects.toMatchObject({ code: 'NOT_FOUND' })
}

rule('sessions.delete.removesTheSession', async () => {
  const { alice } = newTenant()
  await removed(alice, () => ask(alice, 'sessions.delete', { key }))
})
rule('deleteSession.endsItsRun', async () => {
  const { alice } = newTenant()
  await removed(alice, () => agents.request(alice, 'DELETE', `/v1/sessions/${encodeURIComponent(key)}`))
})
rule('sessions.delete.hidesOthers', async () => {
  await expectHidden('sessions.delete')
  expect(await ask(newTenant().admin, 'sessions.delete', { key })).toEqual({ ok: true })
})

describe('branches', () => {
  const branch = (caller: Caller, body: object, from = key) =>
    agents.request<Body>(caller, 'POST', `/v1/sessions/${encodeURIComponent(from)}/branch`, body)

  rule('branchSession.copiesTheConversation', async () => {
    const { alice } = newTenant()
    for (const message of ['one', 'two']) await send(alice, key, message)
    await ask(alice, 'sessions.patch', { key, label: 'L', metadata: { a: '1' } })
    const { status, body } = await branch(alice, { seq: 1 })
    expect([status, body['messageCount']]).toEqual([201, 2])
    expect(await session(alice, body['key'])).toMatchObject({
      label: 'L',
      metadata: { a: '1' },
      inputTokens: 0,
      total: 2,
    })
    await send(alice, body['key'], 'other')
    expect(said(await preview(alice, body['key']))).toEqual(['one', 'echo: one', 'other', 'echo: other'])
    expect(said(await preview(alice, key))).toHaveLength(4)
    const shown = agents.asked
      .findLast(({ messages }) => messages.at(-1)?.content === 'other')!
      .messages.slice(1)
      .map(({ content }) => content)
    expect(shown).toEqual(['one', 'echo: one', 'other'])
  })

  rule('branchSession.namesTheBranch', async () => {
    const { alice } = newTenant()
    await send(alice, key)
    const named = { newKey: 'agent:default:ws:direct:branch' }
    expect((await branch(alice, named)).body).toMatchObject({ key: named.newKey, messageCount: 2 })
    expect((await branch(alice, named)).status).toBe(409)
    expect((await branch(alice, {})).body['key']).toMatch(/^agent:default:ws:direct:[0-9a-f-]{36}$/)
  })

  rule('branchSession.hidesOthers', async () => {
    const { alice, bob, admin } = newTenant()
    await send(alice, key)
    expect((await branch(bob, {})).status).toBe(403)
    expect((await branch(alice, {}, 'agent:default:none')).status).toBe(404)
    expect((await branch(newTenant().admin, {})).status).toBe(404)
    const { body } = await branch(admin, {})
    expect((await session(alice, body['key']))['userID']).toBe('alice')
  })

  rule('branchSession.isAudited', async () => {
    const { alice } = newTenant()
    await send(alice, key)
    await branch(alice, { newKey: 'other' })
    expect(await agents.auditOf(alice.tenantId, 'sessionBranched')).toEqual({
      action: 'session.branched',
      data: { id: 'other', from: key, actorId: 'alice' },
    })
  })

  rule('sessions.branch.copiesTheConversation', async () => {
    const { alice } = newTenant()
    for (const message of ['one', 'two']) await send(alice, key, message)
    const { key: branched, messageCount } = await ask(alice, 'sessions.branch', { key, seq: 2 })
    expect(messageCount).toBe(3)
    expect(said(await preview(alice, branched))).toEqual(['one', 'echo: one', 'two'])
  })
  rule('sessions.branch.hidesOthers', () => expectHidden('sessions.branch'))
})
