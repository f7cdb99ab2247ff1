/** The system prompt: its sections in their order, and what it says when. */
import { createLogger } from '@clawmesh/chassis'
import { rule, ruleName } from '../../../test/support/rule.ts'
import type { Agent } from '../src/agents/types.ts'
import { createMeet } from '../src/runs/first-meeting.ts'
import { promptFiles } from '../src/runs/prompt-files.ts'
import type { PromptFacts } from '../src/runs/prompt-sections.ts'
import { promptModeOf, systemPrompt } from '../src/runs/prompt.ts'

const agentOf = (own: Partial<Agent> = {}): Agent =>
  ({
    agentKey: 'helper',
    displayName: 'Helper',
    agentType: 'predefined',
    ownerId: 'owner',
    model: 'm-1',
    otherConfig: {},
    ...own,
  }) as Agent
const fileNames = ['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md', 'USER.md', 'TOOLS.md', 'BOOTSTRAP.md']

const facts = ({
  agent,
  ...own
}: Partial<Omit<PromptFacts, 'agent'>> & { agent?: Partial<Agent> } = {}): PromptFacts => {
  const whole = agentOf(agent)
  return {
    agent: whole,
    files: promptFiles(
      whole,
      fileNames.map((name) => ({ userId: '', name, content: `text of ${name}` })),
    ),
    toolNames: [],
    origin: { channel: 'ws', peerKind: 'direct' },
    userId: 'alice',
    requestSystem: '',
    now: new Date('2026-11-27T10:00:00Z'),
    isFirstMeeting: false,
    reminders: [],
    ...own,
  }
}
/** Everything that a prompt can have. */
const all = () =>
  facts({
    agent: { otherConfig: { self_evolve: true, system_prompt: 'be brief' } },
    userId: 'owner',
    toolNames: ['write_file', 'skill_search', 'mcp_docs', 'memory_search', 'memory_get', 'spawn'],
    requestSystem: 'answer in verse',
    isFirstMeeting: true,
    reminders: ['write it down'],
  })
/** Where each of the texts stands; -1 for one that is not there. */
const placesOf = (prompt: string, texts: readonly string[]) => texts.map((text) => prompt.indexOf(text))

const inOrder = [
  'You are Helper',
  'text of BOOTSTRAP.md',
  'text of SOUL.md',
  'text of IDENTITY.md',
  '# Tools\n',
  '# Calling tools',
  '# Safety',
  '# Who you stay',
  '# Growing',
  '# Skills',
  '# Tools of others',
  '# Workspace',
  'is your owner.',
  'Today is Friday',
  'answer NO_REPLY',
  'be brief',
  'answer in verse',
  'text of AGENTS.md',
  'text of TOOLS.md',
  'text of USER_PREDEFINED.md',
  'text of USER.md',
  '# Memory',
  '# Subagents',
  '# Runtime',
  'write it down',
]
const onlyInFull = [
  'text of BOOTSTRAP.md',
  '# Calling tools',
  '# Growing',
  '# Skills',
  'is your owner.',
  'answer NO_REPLY',
  'text of USER_PREDEFINED.md',
  'text of USER.md',
  '# Memory',
  '# Subagents',
  'write it down',
]

rule('createChatCompletion.ordersThePrompt', async () => {
  const full = placesOf(systemPrompt(all(), 'full'), inOrder)
  expect(full).toEqual(full.toSorted((a, b) => a - b))
  expect(full).not.toContain(-1)
  const minimal = systemPrompt(all(), 'minimal')
  expect(inOrder.filter((text) => !minimal.includes(text))).toEqual(onlyInFull)

  const at = (time: string, requestSystem = '') =>
    systemPrompt({ ...all(), now: new Date(time), requestSystem }, 'full')
  expect(at('2026-11-27T00:00:00Z')).toBe(at('2026-11-27T23:59:59Z'))
  expect(at('2026-11-27T00:00:00Z')).not.toBe(at('2026-11-28T00:00:00Z'))
  const [one, other] = [at('2026-11-27T00:00:00Z', 'one'), at('2026-11-27T00:00:00Z', 'other')]
  const shared = one.slice(0, one.indexOf('# Instructions of this request'))
  expect(other.startsWith(shared)).toBe(true)
})

it.each([
  ['no tools', facts(), ['# Tools', '# Calling tools', '# Workspace', '# Memory', '# Subagents', '# Skills']],
  [
    'an open agent',
    facts({ agent: { agentType: 'open' }, toolNames: ['write_file'] }),
    ['# Who you stay', '# Growing'],
  ],
  ['a stranger', facts(), ['is your owner.']],
  [
    'the owner in a group',
    facts({ userId: 'owner', origin: { channel: 'ws', peerKind: 'group' } }),
    ['is your owner.'],
  ],
  ['an API', facts({ origin: { channel: 'http', peerKind: 'direct' } }), ['NO_REPLY']],
  ['memory that cannot be read', facts({ toolNames: ['memory_search'] }), ['# Memory']],
  ['people who know each other', facts(), ['text of BOOTSTRAP.md', '# Reminders']],
])('%s: nothing is said that does not hold', (_name, given, absent) => {
  const prompt = systemPrompt(given, 'full')
  expect(absent.filter((text) => prompt.includes(text))).toEqual([])
})

it('a group is told to be one', () => {
  expect(systemPrompt(facts({ origin: { channel: 'ws', peerKind: 'group' } }), 'full')).toContain('This is a group')
})

it.each([
  ['ws', 'agent:a:ws:direct:1', 'full'],
  ['http', undefined, 'full'],
  ['cron', 'agent:a:cron:7', 'minimal'],
  ['ws', 'agent:a:subagent:x', 'minimal'],
  ['ws', 'agent:a:heartbeat', 'minimal'],
  ['ws', 'agent:a:heartbeat:1700', 'minimal'],
  ['ws', 'agent:a:heartbeats', 'full'],
  ['heartbeat', 'agent:a:main', 'minimal'],
])('on %s in %s the prompt is %s', (channel, sessionKey, mode) => {
  expect(promptModeOf({ channel, sessionKey })).toBe(mode)
})

describe('context files', () => {
  const open = agentOf({ agentType: 'open' })
  const file = (name: string, content: string, userId = '') => ({ name, content, userId })

  it('a file takes 20,000 characters at most, all of them 24,000, and what finds no room is left out', () => {
    const long = 'x'.repeat(30_000)
    const kept = promptFiles(agentOf(), [file('AGENTS.md', `A${long}Z`), file('SOUL.md', long), file('USER.md', long)])
    expect(kept.get('AGENTS.md')).toMatch(/^Ax{13999}\n\[.*\]\nx{3999}Z$/)
    expect([...kept.values()].join('').length).toBeLessThanOrEqual(24_000)
    const full = [file('AGENTS.md', 'x'.repeat(20_000)), file('SOUL.md', 'x'.repeat(3_950)), file('USER.md', long)]
    expect([...promptFiles(agentOf(), full).keys()]).toEqual(['AGENTS.md', 'SOUL.md'])
  })

  it("a user's own replaces that of the agent, and an open agent has the templates of what nobody wrote", () => {
    expect(promptFiles(open, [file('USER.md', 'all'), file('USER.md', 'hers', 'alice')]).get('USER.md')).toBe('hers')
    expect(promptFiles(open, []).get('SOUL.md')).toContain('# Soul')
    expect(promptFiles(agentOf(), []).size).toBe(0)
  })
})

it(ruleName('config.permissions.grant.letsWriteInGroups', 'others do not see who the agent is made of'), async () => {
  const shown = async (peerKind: 'direct' | 'group', isWriter: boolean, agentType: Agent['agentType']) => {
    const agent = agentOf({ id: 'a', tenantId: 't', agentType })
    const none = async () => undefined
    const meet = createMeet({
      files: {
        forRun: async () => fileNames.map((name) => ({ userId: '', name, content: `text of ${name}` })),
        seed: none,
        countMeeting: async () => 0,
        endMeeting: none,
      },
      isFileWriter: async (_tenant, _agent, { peerKind: where }) => where === 'direct' || isWriter,
      log: createLogger({ level: 'silent', name: 'test' }),
    })
    const origin = { channel: 'telegram', chatId: '-100', peerKind }
    const { files } = await meet(
      { agent, userId: 'bob', origin, sessionKey: 'agent:a:telegram:group:-100' },
      Promise.resolve([]),
    )
    return [...promptFiles(agent, files).keys()]
  }
  for (const agentType of ['open', 'predefined'] as const) {
    expect(await shown('direct', false, agentType)).toEqual(fileNames)
    expect(await shown('group', true, agentType)).toEqual(fileNames)
    expect(await shown('group', false, agentType)).toEqual(fileNames.slice(2))
  }
})
