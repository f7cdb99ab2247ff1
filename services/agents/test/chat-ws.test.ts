/** Conversations over a WebSocket: what is said, what is shown of it, and the agents that answer. */
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { agentEventOf, MeshError } from '@clawmesh/contracts'
import { createSignedUrls, newId } from '@clawmesh/chassis'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { callsFirst, heldModel, keyOf, newTenant, refusedWith, said, startChat, type Body } from './chat-ws-support.ts'
import { done, echo, text, type AgentsUnderTest } from './stand-ins.ts'

const { agents, askedByRuns, makeAgent, ask, send, history, listen, busySession } = startChat()

describe('sending', () => {
  rule('chat.send.answersWithTheRun', async () => {
    const { alice } = newTenant()
    const runId = newId()
    const answer = await ask(alice, 'chat.send', { message: 'hello' }, runId)
    expect(answer).toEqual({
      runId,
      content: 'echo: hello',
      sessionKey: expect.stringMatching(/^agent:default:ws:direct:[0-9a-f-]{36}$/),
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        thinking_tokens: 0,
      },
    })
    expect(said(await history(alice, answer['sessionKey']))).toEqual(['user: hello', 'assistant: echo: hello'])
    await send(alice, keyOf('named'), 'one')
    await send(alice, keyOf('named'), 'two')
    expect(said(await history(alice, keyOf('named')))).toHaveLength(4)
  })

  rule('chat.send.findsTheAgent', async () => {
    const { alice, admin } = newTenant()
    await makeAgent(alice, { agent_key: 'other' })
    await makeAgent(alice, { agent_key: 'asleep', status: 'inactive' })
    expect((await ask(alice, 'chat.send', { message: 'x', agent_key: 'other' }))['sessionKey']).toMatch(/^agent:other:/)
    await send(alice, 'agent:other:ws:direct:1', 'x')
    expect((await ask(alice, 'sessions.list', { agentId: 'other' }))['total']).toBe(2)
    await refusedWith(ask(admin, 'chat.send', { message: 'x', agentId: 'nobody' }), 'NOT_FOUND')
    await refusedWith(send(alice, 'agent:nobody:ws:direct:1', 'x'), 'NOT_FOUND')
    await refusedWith(ask(alice, 'chat.send', { message: 'x', agentId: 'asleep' }), 'NOT_FOUND')
    await refusedWith(ask(admin, 'chat.send', { message: 'x', agentId: 'other' }), 'FORBIDDEN')
  })

  rule('chat.send.chunksAsTheyCome', async () => {
    const { alice } = newTenant()
    const { events, stop } = listen(alice)
    await send(alice, keyOf('a'), 'x', { stream: true })
    await send(alice, keyOf('a'), 'x')
    expect(askedByRuns().map(({ stream }) => stream)).toEqual([true, false])
    await eventually('both ends', async () => events.filter(({ type }) => type === 'run.completed').length === 2)
    stop()
  })

  rule('chat.send.numbersEvents', async () => {
    const { alice } = newTenant()
    const { events, stop } = listen(alice)
    agents().model = async function* ({ messages }) {
      if (messages.at(-1)!.role === 'tool') yield* echo({ messages } as never, undefined as never)
      else
        yield done({
          content: 'let me look',
          finishReason: 'tool_calls',
          toolCalls: [{ id: 'a', name: 'clock', argumentsJson: '{}', parseError: '' }],
        })
    }
    await send(alice, keyOf('a'), 'what time is it?', { stream: true })
    await eventually('the end', async () => events.at(-1)?.type === 'run.completed')
    stop()
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1))
    expect(events[0]).toMatchObject({ type: 'run.started', message: 'what time is it?' })
    expect(events.find(({ type }) => type === 'activity')).toMatchObject({ phase: 'thinking', iteration: 1 })
    expect(events.filter((event) => event.type === 'activity' && event.phase === 'tool_exec')).toMatchObject([
      { tools: ['clock'] },
    ])
  })

  rule('chat.send.announcesSteps', async () => {
    const { alice } = newTenant()
    const { events, stop } = listen(alice)
    agents().model = async function* ({ messages }) {
      const calls = ['a', 'b'].map((id) => ({ id, name: 'clock', argumentsJson: `{"in":"${id}"}`, parseError: '' }))
      if (messages.at(-1)!.role === 'tool') yield done({ content: 'noon' })
      else yield done({ content: 'let me look', finishReason: 'tool_calls', toolCalls: calls })
    }
    await send(alice, keyOf('steps'), 'x')
    await eventually('the end', async () => events.at(-1)?.type === 'run.completed')
    stop()
    expect(events.map((event) => (event.type === 'activity' ? event.phase : event.type))).toEqual([
      'run.started',
      'thinking',
      'chunk',
      'block.reply',
      'tool_exec',
      'tool.call',
      'tool.call',
      'tool.result',
      'tool.result',
      'thinking',
      'chunk',
      'run.completed',
    ])
  })

  rule('chat.send.meetsPeople', async () => {
    const { alice } = newTenant()
    agents().moreTools = ['write_file', 'read_file']
    const rpc = agents().rpc(AgentsServiceService)
    const fileOf = async (fileName: string, agentId = 'default') =>
      rpc.getContextFile(agents().call(alice), { agentId, userId: 'alice', fileName })
    /** What the agent is told, and with what tools it may answer. */
    const turn = async (agentKey: string) => {
      const before = askedByRuns().length
      await ask(alice, 'chat.send', { message: 'hi', agentId: agentKey })
      const { messages, tools } = askedByRuns()[before]!
      const prompt = messages[0]!.content
      return [prompt.includes('# First meeting'), prompt.includes('# Reminders'), tools.map(({ name }) => name)]
    }
    const everyTool = ['clock', 'write_file', 'read_file']
    expect(await turn('default')).toEqual([true, false, ['write_file']])
    expect((await fileOf('BOOTSTRAP.md')).found).toBe(true)
    expect((await fileOf('SOUL.md')).found).toBe(true)
    expect(await turn('default')).toEqual([true, true, ['write_file']])
    expect(await turn('default')).toEqual([true, true, ['write_file']])
    expect(await turn('default')).toEqual([false, true, everyTool])
    expect((await fileOf('BOOTSTRAP.md')).found).toBe(false)

    await makeAgent(alice, { agent_key: 'somebody', agent_type: 'predefined' })
    expect(await turn('somebody')).toEqual([true, false, everyTool])
    expect((await fileOf('SOUL.md', 'somebody')).found).toBe(false)
    // The agent ends it by emptying the file.
    await rpc.setContextFile(agents().call(alice), {
      agentId: 'somebody',
      userId: 'alice',
      fileName: 'BOOTSTRAP.md',
      content: '',
    })
    expect(await turn('somebody')).toEqual([false, true, everyTool])

    // An agent that may not write meets nobody.
    agents().moreTools = ['read_file']
    await makeAgent(alice, { agent_key: 'reader' })
    expect(await turn('reader')).toEqual([false, false, ['clock', 'read_file']])
    expect((await fileOf('BOOTSTRAP.md', 'reader')).found).toBe(false)
  })

  rule('chat.send.remindsOfTheName', async () => {
    const { alice } = newTenant()
    agents().moreTools = ['write_file']
    const rpc = agents().rpc(AgentsServiceService)
    const promptWith = async (content: string) => {
      await rpc.setContextFile(agents().call(alice), {
        agentId: 'default',
        userId: 'alice',
        fileName: 'USER.md',
        content,
      })
      const before = askedByRuns().length
      await ask(alice, 'chat.send', { message: 'hi' })
      return askedByRuns()[before]!.messages[0]!.content
    }
    expect(await promptWith('- **Name:**\n- likes tea')).toContain('You do not know what this person is called')
    expect(await promptWith('- **Name:** Ada')).not.toContain('# Reminders')
  })

  rule('chat.send.requiresAUser', () =>
    refusedWith(ask({ ...newTenant().alice, userId: '' }, 'chat.send', { message: 'x' }), 'INVALID_REQUEST'),
  )

  rule('chat.send.takesNoEmptyMessage', async () => {
    const { alice } = newTenant()
    for (const further of [{}, { media: [] }])
      await refusedWith(ask(alice, 'chat.send', { message: ' ', ...further }), 'INVALID_REQUEST')
    expect(askedByRuns()).toEqual([])
  })

  rule('chat.send.outlivesTheConnection', async () => {
    const { alice } = newTenant()
    const held = heldModel()
    agents().model = held.model
    const socket = new AbortController()
    const call = { ...agents().call(alice), signal: socket.signal }
    const params = { method: 'chat.send', paramsJson: JSON.stringify({ message: 'go on', sessionKey: keyOf('left') }) }
    const asked = agents().mesh.methods('agents').callMethod(call, params)
    await held.begun
    socket.abort()
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' })
    held.release()
    const messages = await eventually('the answer', async () => {
      const found = await history(alice, keyOf('left'))
      return found.length === 2 && found
    })
    expect(said(messages)).toEqual(['user: go on', 'assistant: one two'])
  })

  rule('chat.send.hidesOthers', async () => {
    const { alice, bob, admin } = newTenant()
    await send(alice, keyOf('hers'), 'x')
    await refusedWith(send(bob, keyOf('hers'), 'y'), 'FORBIDDEN')
    const { events, stop } = listen(admin)
    await send(admin, keyOf('hers'), 'from the boss')
    await eventually('the end', async () => events.at(-1)?.type === 'run.completed')
    stop()
    expect(new Set(events.map(({ userId }) => userId))).toEqual(new Set(['alice']))
    expect(said(await history(alice, keyOf('hers')))).toContain('user: from the boss')
    // The same name in another tenant is another session.
    const stranger = newTenant().alice
    await send(stranger, keyOf('hers'), 'mine')
    expect(said(await history(stranger, keyOf('hers')))).toEqual(['user: mine', 'assistant: echo: mine'])
  })

  rule('chat.send.sendsFiles', async () => {
    const { alice } = newTenant()
    await makeAgent(alice, { agent_key: 'painter', workspace: '/ws' })
    agents().moreTools = ['draw']
    agents().toolResults = { draw: { output: 'drawn', metadataJson: '{"deliver":["/ws/alice/cat.png"]}' } }
    agents().model = callsFirst('draw', 'Look.\nMEDIA:cat.png\nMEDIA:dog.pdf\nMEDIA:/etc/passwd\nNice?')
    const { events, stop } = listen(alice)
    const key = 'agent:painter:ws:direct:1'
    const answer = await send(alice, key, 'draw', { stream: true })
    await eventually('the end', async () => events.at(-1)?.type === 'run.completed')
    stop()
    const link = (path: string) => expect.stringMatching(new RegExp(`^/v1/files${path}\\?ft=[\\w-]{22}\\.\\d+&fb=`))
    expect(answer).toMatchObject({
      content: 'Look.\nNice?',
      media: [
        { path: link('/ws/alice/cat.png'), content_type: 'image/png' },
        { path: link('/ws/dog.pdf'), content_type: 'application/pdf' },
      ],
    })
    expect(agentEventOf(events.at(-1)!).payload?.media).toEqual([
      { path: link('/ws/alice/cat.png'), content_type: 'image/png' },
      { path: link('/ws/dog.pdf'), content_type: 'application/pdf' },
    ])
    expect((await history(alice, key)).at(-1)).toMatchObject({
      content: 'Look.\nNice?',
      media_refs: [
        { path: link('/ws/alice/cat.png'), kind: 'image', mime_type: 'image/png' },
        { path: link('/ws/dog.pdf'), kind: 'document' },
      ],
    })
  })

  rule('chat.send.signsLinks', async () => {
    const { alice, admin } = newTenant()
    const urls = createSignedUrls(agents().mesh.secrets)
    const said = 'see /v1/files/ws/a.png?ft=old.1 and /v1/media/7'
    agents().model = async function* () {
      for (const piece of ['see /v1/fi', 'les/ws/a.png?ft=old.1', ' and /v1/media/7']) yield text(piece)
      yield done({ content: said })
    }
    const { events, stop } = listen(alice)
    const key = keyOf('links')
    const { content } = await send(alice, key, 'x', { stream: true })
    const body = { model: '', messages: [{ role: 'user', content: 'x' }] }
    const completion = await agents().request<Body>(alice, 'POST', '/v1/chat/completions', body)
    const streamed = await agents().request<string>(alice, 'POST', '/v1/chat/completions', { ...body, stream: true })
    await eventually('the end', async () => events.some(({ type }) => type === 'run.completed'))
    stop()
    const ended = events.find((event) => event.type === 'run.completed') as { content: string; runId: string }
    const deltas = [...streamed.body.matchAll(/"delta":\{"content":("[^}]*")\}/g)].map(([, json]) => JSON.parse(json!))
    const shown = [
      content,
      completion.body['choices'][0].message.content,
      deltas.join(''),
      ended.content,
      (await history(alice, key)).at(-1)!['content'],
    ]
    for (const each of shown) {
      const links = String(each).match(/\/v1\/\S+/g)!
      expect(links.map((link) => urls.check(link))).toEqual(
        Array(2).fill({ tenantId: alice.tenantId, userId: 'alice' }),
      )
    }
    const chunks = events.flatMap((event) =>
      event.type === 'chunk' && event.runId === ended.runId ? [event.content] : [],
    )
    const unsigned = (text: string) => text.replace(/f[tb]=[\w.-]+/g, '')
    expect(unsigned(chunks.join(''))).toBe(unsigned(ended.content))
    expect(chunks.join('').match(/ft=/g)).toHaveLength(2)
    const [link] = String((await history(admin, key)).at(-1)!['content']).match(/\/v1\/\S+/)!
    expect(urls.check(link)).toEqual({ tenantId: alice.tenantId, userId: 'carol' })
    const { rows } = await agents()
      .mesh.database('agents')
      .system.query<{ content: string }>(
        "SELECT content FROM agents.messages WHERE tenant_id = $1 AND role = 'assistant'",
        [alice.tenantId],
      )
    expect(new Set(rows.map((row) => row.content))).toEqual(new Set([said]))
  })

  rule('chat.send.tagsMedia', async () => {
    const { alice } = newTenant()
    const url = `data:image/png;base64,${Buffer.from('png').toString('base64')}`
    await send(alice, keyOf('seen'), 'what is it?', { media: [{ url }, url] })
    const [{ messages }] = askedByRuns() as [AgentsUnderTest['asked'][number]]
    const parts = messages.at(-1)!.parts.map(({ part }) => (part?.$case === 'text' ? part.value : part?.$case))
    const stored = '<media:image>\n<media:image>\n\nwhat is it?'
    expect(parts).toEqual(['image', 'image', stored])
    expect((await history(alice, keyOf('seen')))[0]!['content']).toBe(stored)
    const { uploads } = agents().archives
    uploads.set(`${alice.tenantId} /uploads/a.png`, { mimeType: 'image/png', data: Buffer.from('uploaded') })
    uploads.set(`${alice.tenantId} /uploads/a.pdf`, { mimeType: 'application/pdf', data: Buffer.from('pdf') })
    await send(alice, keyOf('seen'), 'and this?', { media: [{ path: '/uploads/a.png', filename: 'x.png' }] })
    const last = askedByRuns().at(-1)!.messages.at(-1)!.parts[0]!.part
    expect(last).toMatchObject({ $case: 'image', value: { mimeType: 'image/png', data: Buffer.from('uploaded') } })
    for (const medium of [
      '/etc/passwd',
      { path: '../x.png' },
      { url, type: 'video/mp4' },
      { url: 'file:///etc/passwd' },
    ])
      await refusedWith(send(alice, keyOf('seen'), 'x', { media: [medium] }), 'INVALID_REQUEST')
  })

  rule('chat.send.keepsAttachments', async () => {
    const { alice, bob } = newTenant()
    const { uploads, kept } = agents().archives
    const upload = (name: string, mimeType: string) =>
      uploads.set(`${alice.tenantId} /uploads/${name}`, { mimeType, data: Buffer.from(name) })
    upload('b.pdf', 'application/pdf')
    upload('c.ogg', 'audio/ogg')
    upload('d.png', 'image/png')
    const key = keyOf('attached')
    const media = [{ path: '/uploads/b.pdf', filename: 'my "b".pdf' }, '/uploads/c.ogg', '/uploads/d.png']
    await send(alice, key, 'read them', { media })
    const [said] = await history(alice, key)
    expect(said!['content']).toBe('<media:document name="my _b_.pdf">\n<media:audio>\n<media:image>\n\nread them')
    expect(said!['media_refs']).toEqual(
      [
        { id: 'b.pdf', mime_type: 'application/pdf', kind: 'document' },
        { id: 'c.ogg', mime_type: 'audio/ogg', kind: 'audio' },
        { id: 'd.png', mime_type: 'image/png', kind: 'image' },
      ].map((ref) => ({ ...ref, path: expect.stringMatching(`^/v1/media/${ref.id}\\?ft=`) })),
    )
    const parts = askedByRuns()
      .at(-1)!
      .messages.at(-1)!
      .parts.map(({ part }) => part?.$case)
    expect(parts).toEqual(['image', 'text'])
    expect(kept.filter(({ sessionKey }) => sessionKey === key)).toHaveLength(3)
    // Nothing is kept with the session of somebody else.
    uploads.set(`${bob.tenantId} /uploads/e.pdf`, { mimeType: 'application/pdf', data: Buffer.from('e') })
    await refusedWith(send(bob, key, 'x', { media: ['/uploads/e.pdf'] }), 'FORBIDDEN')
    expect(kept.filter(({ sessionKey }) => sessionKey === key)).toHaveLength(3)
  })
})

describe('history', () => {
  rule('chat.history.showsWhatWasShown', async () => {
    const { alice } = newTenant()
    agents().model = async function* () {
      yield text('half of ')
      throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: 'fake' })
    }
    const { events, stop } = listen(alice)
    await refusedWith(send(alice, keyOf('cut'), 'tell me', { stream: true }), 'UNAVAILABLE')
    await eventually('the end', async () => events.at(-1)?.type === 'run.failed')
    stop()
    const shown = events.flatMap((event) => (event.type === 'chunk' ? [event.content] : [])).join('')
    const created_at = expect.any(String)
    expect(await history(alice, keyOf('cut'))).toEqual([
      { role: 'user', content: 'tell me', seq: 0, created_at },
      { role: 'assistant', content: shown, partial: true, seq: 1, created_at },
    ])
    expect(shown).toBe('half of')
    expect(events.at(-1)).toMatchObject({ content: shown })
    // The session goes on, and the model is shown how far it came.
    agents().model = echo
    await send(alice, keyOf('cut'), 'again')
    expect(
      askedByRuns()
        .at(-1)!
        .messages.slice(1)
        .map(({ content }) => content),
    ).toEqual(['tell me', 'half of', 'again'])
  })

  rule('chat.history.isEmptyForUnknown', async () => {
    const { alice } = newTenant()
    for (const params of [{}, { sessionKey: 'agent:default:none' }, { agentId: 'nobody' }])
      expect(await ask(alice, 'chat.history', params)).toEqual({ messages: [], total: 0 })
  })

  rule('chat.history.hidesOthers', async () => {
    const { alice, bob, admin } = newTenant()
    await send(alice, keyOf('hers'), 'x')
    await refusedWith(history(bob, keyOf('hers')), 'FORBIDDEN')
    expect(await history(admin, keyOf('hers'))).toHaveLength(2)
    expect(await history(newTenant().admin, keyOf('hers'))).toEqual([])
  })

  rule('chat.history.showsWindows', async () => {
    const { alice } = newTenant()
    for (const message of ['1', '2', '3']) await send(alice, keyOf('long'), message)
    const contents = async (window: object) => (await history(alice, keyOf('long'), window)).map(({ seq }) => seq)
    expect(await contents({ limit: 2 })).toEqual([4, 5])
    expect(await contents({ limit: 2, offset: 2 })).toEqual([2, 3])
    expect(await contents({ limit: 2, before: 4 })).toEqual([2, 3])
    expect(await contents({ limit: 2, offset: 1, before: 2 })).toEqual([0])
    expect(await contents({ before: 0 })).toEqual([])
    expect((await ask(alice, 'chat.history', { sessionKey: keyOf('long'), limit: 1 }))['total']).toBe(6)
    await refusedWith(history(alice, keyOf('long'), { limit: 0 }), 'INVALID_REQUEST')
  })
})

rule('chat.history.boundsTheAnswer', async () => {
  const { alice } = newTenant()
  for (const message of ['1', '2']) await send(alice, keyOf('large'), message)
  await agents()
    .mesh.database('agents')
    .system.query(`UPDATE agents.messages SET content = repeat('x', 9 * 1048576) WHERE tenant_id = $1 AND seq > 1`, [
      alice.tenantId,
    ])
  expect((await history(alice, keyOf('large'))).map(({ seq }) => seq)).toEqual([3])
  expect((await history(alice, keyOf('large'), { before: 3 })).map(({ seq }) => seq)).toEqual([0, 1, 2])
})

describe('injecting a message of the assistant', () => {
  rule('chat.inject.appendsAsAssistant', async () => {
    const { alice } = newTenant()
    await send(alice, keyOf('a'), 'x')
    const { messageId, ok } = await ask(alice, 'chat.inject', { sessionKey: keyOf('a'), text: 'by the way' })
    expect([ok, messageId]).toEqual([true, expect.stringMatching(/^[0-9a-f-]{36}$/)])
    await ask(alice, 'chat.inject', { sessionKey: keyOf('a'), message: 'later', label: 'é'.repeat(60) })
    expect(said(await history(alice, keyOf('a'))).slice(2)).toEqual([
      'assistant: by the way',
      `assistant: [${'é'.repeat(50)}]\n\nlater`,
    ])
    expect(askedByRuns()).toHaveLength(1)
  })

  rule('chat.inject.makesTheSession', async () => {
    const { alice } = newTenant()
    await ask(alice, 'chat.inject', { sessionKey: keyOf('new'), message: 'welcome' })
    expect(said(await history(alice, keyOf('new')))).toEqual(['assistant: welcome'])
    await send(alice, keyOf('new'), 'thanks')
    expect(said(await history(alice, keyOf('new')))).toHaveLength(3)
    await refusedWith(ask(alice, 'chat.inject', { sessionKey: 'agent:nobody:x', message: 'x' }), 'NOT_FOUND')
  })

  rule('chat.inject.hidesOthers', async () => {
    const { alice, bob, admin } = newTenant()
    await send(alice, keyOf('hers'), 'x')
    await refusedWith(ask(bob, 'chat.inject', { sessionKey: keyOf('hers'), message: 'y' }), 'FORBIDDEN')
    await ask(admin, 'chat.inject', { sessionKey: keyOf('hers'), message: 'z' })
    expect(said(await history(alice, keyOf('hers'))).at(-1)).toBe('assistant: z')
  })
})

describe('agents', () => {
  rule('agent.tellsWhetherItRuns', async () => {
    const { alice } = newTenant()
    const { first, release } = await busySession(alice)
    expect(await ask(alice, 'agent')).toEqual({ id: 'default', isRunning: true })
    release()
    await first
    expect(await ask(alice, 'agent', { agent_key: 'default' })).toEqual({ id: 'default', isRunning: false })
    await refusedWith(ask(alice, 'agent', { agentId: 'nobody' }), 'NOT_FOUND')
  })

  rule('agent.wait.waitsForTheEnd', async () => {
    const { alice } = newTenant()
    const { key, first, release } = await busySession(alice)
    const waits = [{}, { sessionKey: key }].map((params) => ask(alice, 'agent.wait', params))
    expect(await ask(alice, 'agent.wait', { sessionKey: keyOf('idle') })).toEqual({ id: 'default', status: 'idle' })
    let isOver = false
    void first.then(() => (isOver = true))
    release()
    for (const wait of waits) {
      expect(await wait).toEqual({ id: 'default', status: 'idle' })
      expect(isOver).toBe(true)
    }
  })

  rule('agent.wait.timesOut', async () => {
    const { alice } = newTenant()
    const { first, release } = await busySession(alice)
    await refusedWith(ask(alice, 'agent.wait', { timeout: 1 }), 'AGENT_TIMEOUT')
    release()
    await first
    await refusedWith(ask(alice, 'agent.wait', { agentId: 'nobody' }), 'NOT_FOUND')
  })

  rule('agent.wait.hidesOthers', async () => {
    const { alice, bob } = newTenant()
    await send(alice, keyOf('hers'), 'x')
    await refusedWith(ask(bob, 'agent.wait', { sessionKey: keyOf('hers') }), 'FORBIDDEN')
  })

  rule('agent.identity.get.readsIdentity', async () => {
    const { alice } = newTenant()
    await makeAgent(alice, { agent_key: 'ada', display_name: 'Ada L.' })
    expect(await ask(alice, 'agent.identity.get', { agentId: 'ada' })).toMatchObject({ agentId: 'ada', name: 'Ada L.' })
    const content =
      '# Identity\n- **Name:** Ada\n* **Emoji**: 🦉\nAvatar: /owl.png\nDescription:  counts \nNotes: none\n'
    const file = { agentId: 'ada', userId: '', fileName: 'IDENTITY.md', content }
    await agents().rpc(AgentsServiceService).setContextFile(agents().call(alice), file)
    const bob = { ...alice, userId: 'bob', role: 'owner' as const }
    expect(await ask(bob, 'agent.identity.get', { agentId: 'ada' })).toEqual({
      agentId: 'ada',
      name: 'Ada',
      emoji: '🦉',
      avatar: '/owl.png',
      description: 'counts',
    })
  })

  rule('agent.identity.get.takesTheSessionsAgent', async () => {
    const { alice } = newTenant()
    await makeAgent(alice, { agent_key: 'ada' })
    expect(await ask(alice, 'agent.identity.get', { sessionKey: 'agent:ada:ws:direct:1' })).toMatchObject({
      agentId: 'ada',
    })
    for (const params of [{}, { sessionKey: 'nonsense' }])
      expect(await ask(alice, 'agent.identity.get', params)).toMatchObject({ agentId: 'default' })
  })

  rule('agent.identity.get.knowsNoUnknown', async () => {
    const { alice, bob } = newTenant()
    await makeAgent(alice, { agent_key: 'hers', display_name: 'Secret' })
    expect(await ask(bob, 'agent.identity.get', { agentId: 'hers' })).toEqual({ agentId: 'hers' })
    expect(await ask(bob, 'agent.identity.get', { agentId: 'nobody' })).toEqual({ agentId: 'nobody' })
  })
})
