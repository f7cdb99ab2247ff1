/** Long conversations: what the model is shown of them, their summaries, and what happens when none can be made. */
import type { ChatMessage, ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { RunEvent } from '@clawmesh/contracts'
import { createJobQueue } from '@clawmesh/chassis'
import { remembersSessions } from '../src/runs/remember-session.ts'
import { sessionJobs } from '../src/runs/session-jobs.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, startAgents, type AgentsUnderTest, type Script } from './stand-ins.ts'
import { eventually } from '../../../test/support/eventually.ts'

let agents: AgentsUnderTest
const caller = testCaller({ role: 'admin', userId: 'alice' })
/** Tokens; the prompt of a fresh agent takes a good part of it. */
const contextWindow = 8_000

/** What the model says by purpose; chat is what nothing else is. */
let says: { chat: Script; summary: Script; memory: Script; title: Script }

const textOf = (messages: readonly ChatMessage[]): string => messages.map(({ content }) => content).join('\n')
const counted = (messages: readonly ChatMessage[]) => ({
  usage: {
    inputTokens: Math.ceil(textOf(messages).length / 4),
    outputTokens: 5,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    thinkingTokens: 0,
  },
})
const chat: Script = async function* ({ messages }) {
  yield done({ content: `noted ${'y'.repeat(1_000)}`, ...counted(messages) })
}
/** Keeps every fact that it is shown. */
const summary: Script = async function* ({ messages }) {
  const facts = [...new Set(textOf(messages).match(/FACT-\w+/g))]
  yield done({ content: `Known: ${facts.join(' ')}` })
}
const silent: Script = async function* () {
  yield done({ content: 'NO_REPLY' })
}
const title: Script = async function* () {
  yield done({ content: '"A trip to Rome."' })
}
const broken: Script = async function* () {
  throw new Error('the model is away')
}

const purposeOf = ({ messages }: ChatRequest): keyof typeof says => {
  const system = messages[0]!.content
  if (system.startsWith('You keep the notes')) return 'summary'
  if (system.startsWith('You look after')) return 'memory'
  return system.startsWith('Give the conversation a title') ? 'title' : 'chat'
}

const createAgent = async (agentKey: string, settings: object = {}) => {
  const body = { agent_key: agentKey, provider: 'fake', model: 'fake-1', context_window: contextWindow, ...settings }
  expect((await agents.request(caller, 'POST', '/v1/agents', body)).status).toBe(201)
}

beforeAll(async () => {
  agents = await startAgents({ CLAWMESH_JOB_RETRY_MS: '10' })
  agents.model = (request, call) => {
    return says[purposeOf(request)](request, call)
  }
  await createAgent('small')
})
afterAll(() => agents.stop())
beforeEach(() => {
  says = { chat, summary, memory: silent, title }
  agents.asked.length = 0
  agents.moreTools = []
  agents.toolCalls.length = 0
})

const say = async (key: string, message: string) => {
  const answer = await agents.request<Record<string, any>>(caller, 'POST', `/v1/agents/${key.split(':')[1]}/wake`, {
    message,
    session_key: key,
  })
  expect([answer.status, answer.body]).toEqual([200, expect.anything()])
  return answer.body
}
const session = async (key: string) =>
  (await agents.request<Record<string, any>>(caller, 'GET', `/v1/sessions/${encodeURIComponent(key)}`)).body
const compacted = (key: string, count = 1) =>
  eventually('compacted', async () => (await session(key))['compactionCount'] >= count)
/** Turns until the window is full. */
const fill = async (key: string, turns = 14) => {
  await say(key, 'FACT-one: the cat is called Mimi')
  for (let turn = 1; turn < turns; turn++) await say(key, `turn ${turn} ${'x'.repeat(1_500)}`)
}
const chatAsked = () => agents.asked.filter(({ messages }) => messages[0]!.content.startsWith('You are'))

rule('createUsageCap.countsBackgroundWork', async () => {
  const key = 'agent:small:spent'
  await fill(key)
  await compacted(key)
  expect(agents.asked.map(purposeOf)).toContain('summary')
  const [agentId] = new Set(agents.asked.map(({ spender }) => spender?.agentId))
  expect(agentId).toMatch(/^[0-9a-f-]{36}$/)
  for (const { spender } of agents.asked) expect(spender).toMatchObject({ agentId, userId: 'alice' })
  // Only turns are runs.
  expect(agents.asked.filter(({ spender }) => spender?.beginsRun)).toHaveLength(14)
  expect(chatAsked().every(({ spender }) => spender?.beginsRun)).toBe(true)
})

rule('wakeAgent.summarisesLongConversations', async () => {
  const key = 'agent:small:long'
  await fill(key)
  await compacted(key)
  agents.asked.length = 0
  await say(key, 'what is the cat called?')
  const { messages } = chatAsked()[0]!
  expect(messages.map(({ role }) => role).slice(0, 3)).toEqual(['system', 'user', 'assistant'])
  expect(messages[1]!.content).toContain('FACT-one')
  expect(messages.length).toBeLessThan(14)
  expect(messages.at(-1)!.content).toBe('what is the cat called?')
  const stored = await session(key)
  expect(stored['summary']).toContain('FACT-one')
  expect(stored['messages'].length).toBe(30)
  expect(stored['messages'][0].content).toContain('Mimi')
})

rule('wakeAgent.remembersConversations', async () => {
  await createAgent('archivist', { memory_config: { episodic: true } })
  await fill('agent:archivist:told')
  await eventually('remembered', () => agents.remembered.length > 0)
  const [document] = agents.remembered
  expect(document).toMatchObject({ userId: 'alice', append: false })
  expect(document!.path).toMatch(/^memory\/sessions\/[0-9a-f-]{36}\.md$/)
  expect(document!.content).toMatch(/^# .+\n\nLast summarised on \d{4}-\d\d-\d\d\.\n\nKnown: FACT-one\n$/)
  for (const memoryConfig of [null, {}, { episodic: 'yes' }, { episodic: true, enabled: false }])
    expect(remembersSessions({ memoryConfig })).toBe(false)
})

rule('wakeAgent.savesMemoryFirst', async () => {
  agents.moreTools = ['write_file', 'memory_search']
  await createAgent('keeper')
  says.memory = async function* ({ messages }) {
    const write = (id: string, path: string) => ({
      id,
      name: 'write_file',
      argumentsJson: JSON.stringify({ path, content: 'Mimi is the cat' }),
      parseError: '',
    })
    if (messages.at(-1)!.role === 'tool') yield done({ content: 'NO_REPLY' })
    else
      yield done({ toolCalls: [write('a', 'memory/cat.md'), write('b', 'SOUL.md'), write('c', 'memory/../SOUL.md')] })
  }
  await fill('agent:keeper:flushed')
  await compacted('agent:keeper:flushed')
  expect(agents.toolCalls).toEqual([
    { tool: 'write_file', arguments: { path: 'memory/cat.md', content: 'Mimi is the cat' } },
  ])

  says.memory = silent
  agents.toolCalls.length = 0
  for (let turn = 0; turn < 14; turn++)
    await say('agent:keeper:extracted', `Remember that I prefer tea. ${'z'.repeat(1_500)}`)
  await compacted('agent:keeper:extracted')
  expect(agents.toolCalls).toEqual([
    {
      tool: 'write_file',
      arguments: {
        path: expect.stringMatching(/^memory\/\d{4}-\d\d-\d\d-auto-extract\.md$/),
        content: expect.stringContaining('- Remember that I prefer tea.'),
        append: true,
        deliver: false,
      },
    },
  ])
})

rule(
  'wakeAgent.staysUsable',
  async () => {
    const key = 'agent:small:away'
    says.summary = broken
    await fill(key)
    await eventually('it says why', async () => (await session(key))['compactionError'] !== undefined)
    expect((await session(key))['compactionError']).not.toContain('undefined')
    agents.asked.length = 0
    await say(key, 'still there?')
    const { messages } = chatAsked()[0]!
    expect(messages[1]!.role).toBe('user')
    expect(textOf(messages).length / 4).toBeLessThan(contextWindow)

    says.summary = summary
    await say(key, `and now? ${'x'.repeat(1_500)}`)
    await compacted(key)
    const stored = await session(key)
    expect(stored['compactionError']).toBeUndefined()
    expect(stored['summary']).toContain('FACT-one')
  },
  120_000,
)

rule('wakeAgent.makesRoomInATurn', async () => {
  const events: RunEvent[] = []
  const stop = agents.bus.subscribe(`mesh.runs.${caller.tenantId}.*`, (event) => void events.push(event as RunEvent))
  const steps = 40
  says.chat = async function* ({ messages, tools }) {
    const isLast = tools.length === 0 || textOf(messages).includes(`step ${steps} `)
    if (isLast) yield done({ content: 'finished', ...counted(messages) })
    else {
      const step = Number(/step (\d+) (?!.*step \d)/s.exec(textOf(messages))?.[1] ?? 0) + 1
      const argumentsJson = JSON.stringify({ note: `step ${step} ${'n'.repeat(1_600)}` })
      yield done({
        toolCalls: [{ id: `c${step}`, name: 'clock', argumentsJson, parseError: '' }],
        ...counted(messages),
      })
    }
  }
  expect((await say('agent:small:steps', 'FACT-two: walk all the steps'))['content']).toBe('finished')
  expect(events.filter((event) => event.type === 'activity' && event.phase === 'compacting')).toHaveLength(1)
  stop()
  for (const { messages } of chatAsked()) expect(textOf(messages)).toContain('FACT-two: walk all the steps')
  expect(
    chatAsked().some(({ messages }) => messages[1]!.content.includes('[Summary of the conversation so far]')),
  ).toBe(true)
})

rule('chat.send.titlesSessions', async () => {
  const key = 'agent:small:named'
  await say(key, 'I want to go to Rome')
  const { rows } = await agents.mesh
    .database('agents')
    .system.query<{ id: string }>('SELECT id FROM agents.sessions WHERE session_key = $1', [key])
  const queue = createJobQueue(agents.mesh.database('agents'), sessionJobs)
  const sessionId = rows[0]!.id
  await queue.add(caller.tenantId, 'titleSession', { sessionId })
  await eventually('named', async () => (await session(key))['label'] === 'A trip to Rome.')
  const { data } = await agents.auditOf(caller.tenantId, 'sessionTitled')
  expect(data).toEqual({ sessionKey: key, label: 'A trip to Rome.', userId: 'alice' })

  says.title = async function* () {
    yield done({ content: 'Another' })
  }
  const { data: recorded } = await agents.auditOf(caller.tenantId, 'runEnded')
  expect(recorded).toMatchObject({ trace: { agent_id: expect.any(String) } })
  await queue.add(caller.tenantId, 'titleSession', { sessionId })
  await eventually('done', async () => {
    const { rows: left } = await agents.mesh
      .database('agents')
      .system.query("SELECT id FROM agents.jobs WHERE name = 'titleSession'")
    return left.length === 0
  })
  expect((await session(key))['label']).toBe('A trip to Rome.')
})
