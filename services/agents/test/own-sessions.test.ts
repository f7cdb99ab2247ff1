/** What an agent may see and do of its sessions with one user, over a real database. */
import { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import type { Caller } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  // A message to a busy session would end the run that is on.
  agents = await startAgents({ CLAWMESH_QUEUE_MODE: 'interrupt' })
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
  agents.moreTools = []
})

const one = 'agent:helper:ws:direct:one'
const two = 'agent:helper:ws:direct:two'

/** Ann has two sessions with an agent, and one with another; Bob and Carol may use both agents. */
const tenant = async () => {
  const ann = testCaller({ role: 'operator', userId: 'ann', credential: 'gateway-token' })
  const admin = { ...ann, role: 'admin' as const }
  for (const agent_key of ['helper', 'other']) {
    await agents.request(admin, 'POST', '/v1/agents', { agent_key })
    for (const user_id of ['bob', 'carol'])
      await agents.request(admin, 'POST', `/v1/agents/${agent_key}/shares`, { user_id })
  }
  const say = (sessionKey: string, message: string, caller: Caller = ann) =>
    agents.mesh.methods('agents').callMethod(agents.call(caller), {
      method: 'chat.send',
      paramsJson: JSON.stringify({ sessionKey, message, agentId: sessionKey.split(':')[1] }),
    })
  await say(one, 'first')
  await say(two, 'second')
  await say('agent:other:ws:direct:three', 'third')
  const rpc = agents.rpc(SessionsServiceService)
  const owner = { agentId: 'helper', userId: 'ann' }
  return {
    ...{ ann, bob: { ...ann, userId: 'bob' }, admin, say },
    list: (more: object = {}, caller: Caller = ann) =>
      rpc.listAgentSessions(agents.call(caller), { ...owner, limit: 20, activeMinutes: 0, ...more }),
    read: (sessionKey: string, more: object = {}, caller: Caller = ann) =>
      rpc.readAgentSession(agents.call(caller), { ...owner, sessionKey, limit: 20, includeTools: false, ...more }),
    send: (sessionKey: string, more: object = {}, caller: Caller = ann) =>
      rpc.sendToAgentSession(agents.call(caller), {
        ...{ ...owner, sessionKey, label: '', message: 'look into it', fromSessionKey: one, depth: 1, ...more },
      }),
  }
}
const said = ({ messages }: { messages: readonly { content: string }[] }) => messages.map(({ content }) => content)
const refused = (code: string) => expect.objectContaining({ code })

test('are those of the agent and the user alone, the one used last first', async () => {
  const { list, read, bob, admin } = await tenant()
  expect((await list()).sessions.map(({ sessionKey }) => sessionKey)).toEqual([two, one])
  expect((await list({ limit: 1 })).sessions).toMatchObject([{ sessionKey: two, messageCount: 2, channel: 'ws' }])
  expect((await list({ userId: 'bob' }, bob)).sessions).toEqual([])
  expect((await read(one, { userId: 'bob' }, bob)).session).toBeUndefined()
  // That an admin may see all is no matter of the agent's.
  expect((await read(one, { userId: 'carol' }, { ...admin, userId: 'carol' })).session).toBeUndefined()
  expect((await read('agent:other:ws:direct:three')).session).toBeUndefined()
  expect((await list({ userId: '' })).sessions).toEqual([])
  const elsewhere = await tenant()
  await elsewhere.say('agent:helper:ws:direct:four', 'theirs')
  expect((await read('agent:helper:ws:direct:four')).session).toBeUndefined()
})

test('are closed to a user who may use the agent no more', async () => {
  const { list, read, send, admin, bob, say } = await tenant()
  const his = 'agent:helper:ws:direct:his'
  await say(his, 'hi', bob)
  expect((await read(his, { userId: 'bob' }, bob)).session).toBeDefined()
  await agents.request(admin, 'DELETE', '/v1/agents/helper/shares/bob')
  for (const asked of [list, read.bind(null, his), send.bind(null, his)])
    await expect(asked({ userId: 'bob' }, bob)).rejects.toThrow(refused('FORBIDDEN'))
})

test('are read newest last, cut, and without tools unless they are asked for', async () => {
  const { read, say } = await tenant()
  agents.model = async function* (request, call) {
    if (request.messages.at(-1)?.role === 'tool') return yield* echo(request, call)
    yield done({ toolCalls: [{ id: 'c1', name: 'clock', argumentsJson: '{}', parseError: '' }] })
  }
  await say(one, 'x'.repeat(5_000))
  const { messages, isRunning, session } = await read(one)
  expect([isRunning, session?.messageCount]).toEqual([false, 6])
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  expect(messages[2]!.content).toHaveLength(4_000)
  const whole = await read(one, { includeTools: true })
  expect(whole.messages.map(({ role }) => role)).toContain('tool')
  expect(said(await read(one, { limit: 1 }))).toEqual(said({ messages: [messages[3]!] }))
  expect((await read(one, { limit: 0 })).messages).toEqual([])
})

test('are no more than 80 KiB at a time', async () => {
  const { read, say } = await tenant()
  agents.model = async function* () {
    yield done({ content: 'é'.repeat(4_000) })
  }
  for (let time = 0; time < 12; time++) await say(two, 'é'.repeat(4_000))
  const { messages } = await read(two, { limit: 100 })
  expect(messages.length).toBeGreaterThan(5)
  expect(Buffer.byteLength(said({ messages }).join(''))).toBeLessThanOrEqual(80 * 1_024)
})

describe('a message from one to another', () => {
  test('is marked where it is kept, and answered in a turn of its own', async () => {
    const { send, read } = await tenant()
    agents.moreTools = ['sessions_send']
    agents.model = async function* (request, call) {
      const last = request.messages.at(-1)!
      if (last.role === 'tool' || !last.content.includes('look into it')) return yield* echo(request, call)
      yield done({ toolCalls: [{ id: 'c1', name: 'sessions_send', argumentsJson: '{}', parseError: '' }] })
    }
    expect(await send(two, { depth: 2 })).toEqual({ sessionKey: two })
    const messages = await eventually('an answer', async () => {
      const all = said(await read(two))
      return all.length === 4 && all
    })
    expect(messages[2]).toBe(`[From: yourself, in your session ${one}. No person has written this.]\nlook into it`)
    // By this the tools of that turn know how often the message was passed on.
    expect(agents.toolContexts.at(-1)).toMatchObject({ channel: 'sessions_send', chatId: '2', sessionKey: two })
  })

  test('waits for the run that is on, whatever else messages do to one', async () => {
    const { send, read, say } = await tenant()
    const { promise, resolve } = Promise.withResolvers<void>()
    agents.model = async function* (request, call) {
      if (request.messages.at(-1)!.content === 'slow') {
        yield text('well')
        await promise
      }
      yield* echo(request, call)
    }
    const slow = say(two, 'slow')
    await eventually('a run', async () => (await read(two)).isRunning)
    await send(two)
    resolve()
    expect(JSON.parse((await slow).resultJson)).toMatchObject({ content: 'wellecho: slow' })
    await eventually('both answers', async () => said(await read(two)).length === 6)
  })

  test('finds its session by the label', async () => {
    const { send, ann } = await tenant()
    await agents.request(ann, 'PATCH', `/v1/sessions/${encodeURIComponent(two)}`, { label: 'taxes' })
    expect(await send('', { label: 'taxes' })).toEqual({ sessionKey: two })
    expect(await send('', { label: 'none' })).toEqual({ sessionKey: '' })
  })

  test('goes to no session of others, to none that is not there, and not in circles', async () => {
    const { send, bob } = await tenant()
    expect(await send(one, { userId: 'bob', fromSessionKey: '' }, bob)).toEqual({ sessionKey: '' })
    for (const key of ['agent:other:ws:direct:three', 'agent:helper:none'])
      expect(await send(key)).toEqual({ sessionKey: '' })
    await expect(send(one)).rejects.toThrow(refused('INVALID_REQUEST'))
    await expect(send(two, { depth: 4 })).rejects.toThrow(refused('INVALID_REQUEST'))
  })

  test('is one of four at most that are being answered', async () => {
    const { send } = await tenant()
    const { promise, resolve } = Promise.withResolvers<void>()
    agents.model = async function* (request, call) {
      await promise
      yield* echo(request, call)
    }
    for (let time = 0; time < 4; time++) await send(two)
    await expect(send(two)).rejects.toThrow(refused('RESOURCE_EXHAUSTED'))
    resolve()
    await eventually('room', () =>
      send(two).then(
        () => true,
        () => false,
      ),
    )
  })
})
