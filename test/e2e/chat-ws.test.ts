/** Conversations over WebSockets through two gateways and two agents replicas. */
import type { WsAgentEvent } from '@clawmesh/contracts'
import { chatFaultTests } from '../faults/scenarios/chat-ws-suite.ts'
import { answerWith, converse, story, wsPort } from '../faults/scenarios/chat-ws.ts'
import { eventually } from '../support/eventually.ts'
import { hangLimitMs } from '../support/limits.ts'
import { openDevice } from '../support/chat-device.ts'
import { meshToken, ownerId } from '../support/mesh-processes.ts'
import { rule } from '../support/rule.ts'
import { connectWs, type WsClient } from '../support/ws-client.ts'

// Shorter leases, one death each: the long form is test/faults/chat-ws.test.ts.
const meshOf = chatFaultTests({
  rounds: 1,
  env: { CLAWMESH_RUN_LEASE_MS: '6000', CLAWMESH_RUN_HEARTBEAT_MS: '1500' },
  toldWithinMs: hangLimitMs,
})

const newUser = async (user: string) => {
  const { key } = await meshOf()
    .api(0, ownerId)
    .need<{ key: string }>('POST', '/v1/api-keys', { name: 'chat', scopes: ['operator.write'], owner_id: user })
  return { token: key }
}
/** Titles of sessions and stored traces: told at some moment after a run. */
const toldSomeTime = ['session.updated', 'trace.updated']
const frameNames = (frames: readonly string[]) =>
  frames.map((frame) => {
    const { type, event, payload } = JSON.parse(frame) as { type: string; event?: string; payload?: { type?: string } }
    return type === 'res' ? 'res' : event === 'agent' ? `agent ${payload?.type}` : event!
  })
/** Everything that a connection is sent from now on. */
const framesOf = ({ socket }: WsClient): string[] => {
  const frames: string[] = []
  socket.on('message', (data) => void frames.push((data as Buffer).toString()))
  return frames
}

rule('chat.send.streamsToWhoMaySee', async () => {
  const mesh = meshOf()
  const [alice, bob] = [await newUser('alice'), await newUser('bob')]
  const key = 'agent:default:ws:direct:seen'
  const asking = await connectWs(wsPort(mesh, 0), { ...alice, protocolVersion: 3 })
  const frames = framesOf(asking)
  const watchers = [
    await openDevice(wsPort(mesh, 1), alice, key),
    await openDevice(wsPort(mesh, 1), { token: meshToken, user_id: ownerId }, key),
  ]
  const stranger = await connectWs(wsPort(mesh, 1), bob)
  answerWith(mesh, 'tell', { text: story, chunks: 10, chunkDelayMs: 50 })
  const answer = await asking.need('chat.send', { message: 'tell', sessionKey: key, stream: true })
  expect(answer).toMatchObject({ content: story, sessionKey: key })
  const names = frameNames(frames)
  expect(names.slice(0, 2)).toEqual(['agent run.started', 'agent activity'])
  expect(names.slice(-2)).toEqual(['agent run.completed', 'res'])
  for (const watcher of watchers) {
    expect((await watcher.end()).type).toBe('run.completed')
    expect(watcher.shown()).toBe(story)
    expect(watcher.events().filter(({ type }) => type === 'chunk').length).toBeGreaterThan(1)
    await watcher.client.close()
  }
  expect(stranger.events).toEqual([])
  await Promise.all([asking.close(), stranger.close()])
})

rule('chat.send.sendsTwins', async () => {
  const mesh = meshOf()
  const alice = await newUser('alice')
  const old = await connectWs(wsPort(mesh, 0), alice)
  const other = await connectWs(wsPort(mesh, 0), alice)
  const frames = framesOf(old)
  const { content } = await old.need<{ content: string }>('chat.send', { message: 'hello' })
  const names = frameNames(frames)
  expect(names.filter((name) => name.startsWith('run.'))).toEqual(['run.started', 'run.completed'])
  expect(names.slice(-3)).toEqual(['agent run.completed', 'run.completed', 'res'])
  const pieces = (event: string) =>
    old.events.filter((each) => each.event === event).map(({ payload }) => (payload as { content: string }).content)
  for (const event of ['chunk', 'chat']) expect(pieces(event).join('')).toBe(content)
  await other.event('agent', ({ type }: WsAgentEvent) => type === 'run.completed')
  const seen = other.events.map(({ event }) => event).filter((event) => !toldSomeTime.includes(event))
  expect(new Set(seen)).toEqual(new Set(['agent']))
  await Promise.all([old.close(), other.close()])
})

rule('chat.send.tellsOfTheTrace', async () => {
  const mesh = meshOf()
  const [alice, bob] = [await newUser('alice'), await newUser('bob')]
  const [asking, there] = [await connectWs(wsPort(mesh, 0), alice), await connectWs(wsPort(mesh, 1), alice)]
  const stranger = await connectWs(wsPort(mesh, 1), bob)
  const { runId } = await asking.need<{ runId: string }>('chat.send', { message: 'hello' })
  const isOfRun = ({ trace_ids }: { trace_ids: string[] }) => trace_ids.includes(runId)
  for (const client of [asking, there])
    expect((await client.event('trace.updated', isOfRun)).payload).toMatchObject({ userId: 'alice' })
  expect(await mesh.api(1, ownerId).need('GET', `/v1/traces/${runId}`)).toMatchObject({
    trace: { status: 'completed' },
  })
  expect(stranger.events).toEqual([])
  await Promise.all([asking, there, stranger].map((client) => client.close()))
})

rule('chat.abort.abortsOnAnyReplica', async () => {
  const mesh = meshOf()
  const { key, device, answer, history } = await converse(mesh)
  const elsewhere = await connectWs(wsPort(mesh, 1), { token: meshToken, user_id: ownerId })
  expect(await elsewhere.need('chat.send', { message: 'shorter', sessionKey: key })).toMatchObject({ injected: true })
  const { runIds } = await elsewhere.need<{ runIds: string[] }>('chat.abort', { sessionKey: key })
  const payload = { cancelled: true, runId: runIds[0], sessionKey: key }
  expect(await answer).toMatchObject({ ok: true, payload })
  expect(await device.end()).toMatchObject({ type: 'run.cancelled', runId: runIds[0] })
  expect(await history(elsewhere)).toMatchObject([
    { role: 'user', content: 'tell me a story' },
    { role: 'user', content: 'shorter' },
    { role: 'assistant', content: device.shown(), partial: true },
  ])
  await Promise.all([device.client.close(), elsewhere.close()])
})

rule('sessions.patch.tellsOthers', async () => {
  const mesh = meshOf()
  const [alice, bob] = [await newUser('alice'), await newUser('bob')]
  const key = 'agent:default:ws:direct:named'
  const [here, there] = [await connectWs(wsPort(mesh, 0), alice), await connectWs(wsPort(mesh, 1), alice)]
  const stranger = await connectWs(wsPort(mesh, 1), bob)
  await here.need('chat.inject', { sessionKey: key, message: 'welcome' })
  await here.need('sessions.patch', { key, label: 'Stories' })
  const { payload } = await there.event(
    'session.updated',
    ({ sessionKey }: { sessionKey: string }) => sessionKey === key,
  )
  expect(payload).toEqual({ sessionKey: key, label: 'Stories', userId: 'alice' })
  expect(stranger.events).toEqual([])
  await Promise.all([here.close(), there.close(), stranger.close()])
})

test('an agent that sends messages from session to session of a user does not do so for ever', async () => {
  const mesh = meshOf()
  const client = await connectWs(wsPort(mesh, 0), await newUser('alice'))
  const [one, two] = ['one', 'two'].map((name) => `agent:default:ws:direct:circle-${name}`)
  for (const sessionKey of [one, two]) await client.need('chat.send', { message: 'hello', sessionKey })
  mesh.upstream.rule = ({ body }) => {
    const last = (body['messages'] as { role: string; content: unknown }[] | undefined)?.at(-1)
    if (last?.role !== 'user' || !String(last.content).endsWith('pass it on')) return undefined
    // To the session that it comes from; at first, to the second.
    const session_key = String(last.content).includes(`your session ${one}`) ? one : two
    return { toolCalls: [{ name: 'sessions_send', arguments: JSON.stringify({ session_key, message: 'pass it on' }) }] }
  }
  await client.need('chat.send', { message: 'pass it on', sessionKey: one })
  const messagesOf = async (sessionKey: string | undefined) =>
    (await client.need<{ messages: { role: string; content: string }[] }>('chat.history', { sessionKey })).messages
  await eventually('the last refusal', async () =>
    (await messagesOf(two)).some(({ role, content }) => role === 'tool' && content.includes('3 times already')),
  )
  const passed = async (sessionKey: string | undefined) =>
    (await messagesOf(sessionKey)).flatMap(({ role, content }) =>
      role === 'user' && content.endsWith('pass it on') ? [content.split('\n', 1)[0]] : [],
    )
  const mark = (from: string | undefined) => `[From: yourself, in your session ${from}. No person has written this.]`
  expect([await passed(one), await passed(two)]).toEqual([
    ['pass it on', mark(two)],
    [mark(one), mark(one)],
  ])
  mesh.upstream.rule = () => undefined
  await client.close()
})

// An agent reads a document that a message brings along.
rule('sessions.delete.removesItsMedia', async () => {
  const mesh = meshOf()
  const owner = mesh.api(0, ownerId)
  const settings = { providers: [{ provider: 'fake', model: 'gpt-4o', enabled: true }] }
  await owner.need('PUT', '/v1/tools/builtin/read_document', { enabled: true, settings })
  const reader = await newUser('reader')
  const form = new FormData()
  form.set('file', new Blob(['The answer is 42.']), 'answer.txt')
  const headers = { authorization: `Bearer ${reader.token}` }
  const upload = await fetch(`${owner.url}/v1/media/upload`, { method: 'POST', headers, body: form })
  const { path } = (await upload.json()) as { path: string }
  mesh.upstream.rule = ({ body }) => {
    const last = (body['messages'] as { role: string; content: unknown }[] | undefined)?.at(-1)
    const content = String(last?.content)
    if (last?.role === 'tool') return { text: content.includes('It is 42.') ? 'It says 42.' : content }
    if (content.includes('The answer is 42.')) return { text: 'It is 42.' }
    if (!content.includes('<media:document name="answer.txt">')) return undefined
    return { toolCalls: [{ name: 'read_document', arguments: JSON.stringify({ prompt: 'what is the answer?' }) }] }
  }
  const client = await connectWs(wsPort(mesh, 0), reader)
  const sessionKey = 'agent:default:ws:direct:attached'
  const media = [{ path, filename: 'answer.txt' }]
  expect(await client.need('chat.send', { message: 'what does it say?', sessionKey, media })).toMatchObject({
    content: 'It says 42.',
  })
  mesh.upstream.rule = () => undefined
  const { messages } = await client.need<{ messages: { media_refs?: { path: string }[] }[] }>('chat.history', {
    sessionKey,
  })
  const served = () => fetch(owner.url + messages[0]!.media_refs![0]!.path)
  expect(await (await served()).text()).toBe('The answer is 42.')
  await client.need('sessions.delete', { key: sessionKey })
  await eventually('the document is gone', async () => (await served()).status === 404)
  await client.close()
})
