import { ReadAgentSessionResponse, type AgentSession } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { MeshError } from '@clawmesh/contracts'
import { createSessionsPort } from '../src/sessions/port.ts'
import type { CallScope } from '../src/invoke/types.ts'
import type { OwnSessions, ToolContext } from '../src/tool/tool.ts'
import { agentFacts, contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

const here = 'agent:writer:ws:direct:1'
const there = 'agent:writer:ws:direct:2'
const session: AgentSession = {
  ...{ sessionKey: there, label: 'taxes', messageCount: 2, updatedAtMs: 60_000, createdAtMs: 0, channel: 'ws' },
  ...{ provider: 'p', model: 'm', inputTokens: 3, outputTokens: 4, compactionCount: 1 },
}

/** A caller with one other session, and what was asked of it. */
const withSessions = (context: Partial<ToolContext> = {}) => {
  const asked: [what: string, request: object][] = []
  const sessions: OwnSessions = {
    list: async (query) => {
      asked.push(['list', query])
      return { sessions: [session, { ...session, sessionKey: here, label: '' }] }
    },
    read: async (query) => {
      asked.push(['read', query])
      if (query.sessionKey !== there) return ReadAgentSessionResponse.create()
      return { session, isRunning: true, messages: [{ role: 'user', content: 'hello', createdAtMs: 0 }] }
    },
    send: async (message) => {
      asked.push(['send', message])
      return { sessionKey: message.sessionKey === there || message.label === 'taxes' ? there : '' }
    },
  }
  const made = contextWith({ sessions, sessionKey: here, ...context })
  const run = async (tool: string, args: Record<string, unknown> = {}) =>
    JSON.parse((await runTool(tool, args, made)).output) as unknown
  return { asked, run, refusal: (tool: string, args: Record<string, unknown>) => toolRefusal(tool, args, made) }
}

test('sessions_list shows keys, labels and times of what there is', async () => {
  const { run, asked } = withSessions()
  const shown = { message_count: 2, updated: '1970-01-01T00:01:00.000Z' }
  const sessions = [
    { key: there, label: 'taxes', ...shown },
    { key: here, ...shown },
  ]
  expect(await run('sessions_list', { active_minutes: 5 })).toEqual({ count: 2, sessions })
  expect(asked).toEqual([['list', { limit: 20, activeMinutes: 5 }]])
})

test('session_status is of this session, where no other is named', async () => {
  const { run, refusal, asked } = withSessions()
  expect(await run('session_status', { session_key: there })).toMatchObject({ key: there, model: 'm', running: true })
  expect(await refusal('session_status', {})).toContain(`there is no session ${here}`)
  expect(asked.at(-1)).toEqual(['read', { sessionKey: here, limit: 0, includeTools: false }])
})

test('sessions_history is marked as a record', async () => {
  const { run } = withSessions()
  expect(await run('sessions_history', { session_key: there })).toEqual({
    key: there,
    note: expect.stringContaining('no instructions'),
    count: 1,
    messages: [{ role: 'user', content: 'hello', at: '1970-01-01T00:00:00.000Z' }],
  })
})

describe('sessions_send', () => {
  test('names the session by key or label, and says from where and how far it comes', async () => {
    const { run, asked } = withSessions()
    for (const which of [{ session_key: there }, { label: 'taxes' }])
      expect(await run('sessions_send', { message: 'do it', ...which })).toEqual({
        status: 'accepted',
        session_key: there,
      })
    expect(asked).toEqual([
      ['send', { sessionKey: there, label: '', message: 'do it', fromSessionKey: here, depth: 1 }],
      ['send', { sessionKey: '', label: 'taxes', message: 'do it', fromSessionKey: here, depth: 1 }],
    ])
  })

  test('passes on what was passed on, three times at most', async () => {
    const { run, asked } = withSessions({ channel: 'sessions_send', chatId: '2' })
    await run('sessions_send', { message: 'do it', session_key: there })
    expect(asked).toMatchObject([['send', { depth: 3 }]])
    const last = withSessions({ channel: 'sessions_send', chatId: '3' })
    expect(await last.refusal('sessions_send', { message: 'do it', session_key: there })).toContain('3 times already')
    expect(last.asked).toEqual([])
  })

  test.each([
    [{ session_key: here }, 'that is this session'],
    [{ session_key: 'agent:other:ws:direct:1' }, 'no session of yours'],
    [{}, 'one of session_key and label'],
    [{ session_key: there, label: 'taxes' }, 'one of session_key and label'],
  ])('does not send to %j', async (which, why) => {
    const { refusal, asked } = withSessions()
    expect(await refusal('sessions_send', { message: 'x', ...which })).toContain(why)
    expect(asked).toEqual([])
  })

  test('is told of sessions that are not there', async () => {
    const { refusal } = withSessions()
    expect(await refusal('sessions_send', { message: 'x', label: 'none' })).toContain('there is no session none')
  })

  test('is for sixty messages an hour', async () => {
    const { sessions } = createSessionsPort({
      listAgentSessions: async () => ({ sessions: [] }),
      readAgentSession: async () => {
        throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'agent' })
      },
      sendToAgentSession: async () => ({ sessionKey: there }),
    })
    const scope = (userId: string) =>
      ({ call: { caller: { tenantId: 't' } }, agent: agentFacts, userId }) as unknown as CallScope
    const message = { sessionKey: there, label: '', message: 'x', fromSessionKey: here, depth: 1 }
    for (let sent = 0; sent < 60; sent++) await sessions(scope('ann'))!.send(message)
    await expect(sessions(scope('ann'))!.send(message)).rejects.toMatchObject({ code: 'TOOL_ERROR' })
    expect(await sessions(scope('bob'))!.send(message)).toEqual({ sessionKey: there })
    const reading = sessions(scope('ann'))!.read({ sessionKey: there, limit: 1, includeTools: false })
    await expect(reading).rejects.toMatchObject({ code: 'TOOL_ERROR' })
  })
})

test('in a group only the session of the group can be looked at', async () => {
  const { refusal, asked } = withSessions({ peerKind: 'group' })
  for (const [tool, args] of [
    ['sessions_list', {}],
    ['session_status', { session_key: there }],
    ['sessions_history', { session_key: there }],
    ['sessions_send', { message: 'x', session_key: there }],
  ] as const)
    expect(await refusal(tool, args)).toContain('not for a group chat')
  expect(asked).toEqual([])
  expect(await refusal('sessions_history', { session_key: here })).toContain(`there is no session ${here}`)
})
