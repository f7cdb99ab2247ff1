/**
 * 400 turns with tool calls through a small window, over the real providers service to upstreams that refuse what the
 * vendors refuse: every request is one that they take, and what was said at first is known at the end.
 */
import { loadConfigs } from '@clawmesh/chassis'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { agentsConfig, agentsService } from '../../services/agents/src/index.ts'
import { providersConfig, providersService } from '../../services/providers/src/index.ts'
import { fakeAnthropic } from '../fakes/anthropic.ts'
import { fakeOpenAi } from '../fakes/openai.ts'
import type { FakeUpstream, Received, Script } from '../fakes/http-fake.ts'
import { fakeRpc } from '../support/fake-rpc.ts'
import { startServices, testCaller, type ServiceHarness } from '../support/service-harness.ts'

const windowTokens = 8_000
const facts = ['FACT-ada', 'FACT-rome', 'FACT-42']

let mesh: ServiceHarness
const fakes: FakeUpstream[] = []

beforeAll(async () => {
  const { agents, providers } = loadConfigs({ agents: agentsConfig, providers: providersConfig }, {})
  mesh = await startServices({
    services: {
      agents: (host) => agentsService(host, agents),
      providers: (host) => providersService(host, providers),
    },
    standIns: [
      fakeRpc(IdentityServiceService, { listSystemConfigs: async () => ({ values: {} }) }),
      fakeRpc(TracesServiceService, {
        getAgentMonthCost: async () => ({ costUsd: 0 }),
        listCappedUsage: async () => ({ capped: [] }),
      }),
      fakeRpc(ChannelsServiceService, { listAgentsOpenTo: async () => ({ agentIds: [] }) }),
      fakeRpc(ToolsServiceService, {
        listTools: async () => ({
          tools: [{ name: 'clock', description: 'tells the time', parametersJson: '{"type":"object"}' }],
          ofUser: false,
        }),
        invokeTool: async (_call, { argumentsJson }) => ({
          output: `it is noon ${argumentsJson} ${'z'.repeat(300)}`,
          isError: false,
          forUser: '',
          metadataJson: '{}',
        }),
      }),
    ],
  })
})
afterAll(async () => {
  await mesh.stop()
  await Promise.all(fakes.map((fake) => fake.close()))
})

const answersTools = ({ body }: Received): boolean => {
  const { role, content } = (body['messages'] as { role: string; content: unknown }[]).at(-1)!
  return (
    role === 'tool' || (Array.isArray(content) && content.some(({ type }: { type: string }) => type === 'tool_result'))
  )
}

/** All that a request says, its structure left out: what a tokenizer would count, roughly. */
const saidChars = (value: unknown): number => {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, each) => sum + saidChars(each), 0)
}

/** A model that keeps every fact in its summaries, calls a tool in each turn, and counts what it was sent. */
const model =
  (usageOf: (tokens: number) => Script['usage'], tooLong: () => void) =>
  (request: Received): Script => {
    const text = JSON.stringify(request.body)
    const tokens = Math.ceil(saidChars(request.body) / 4)
    const usage = usageOf(tokens) ?? null
    if (tokens > windowTokens) tooLong()
    if (text.includes('You keep the notes'))
      return { text: `Known: ${facts.filter((fact) => text.includes(fact)).join(' ')}`, usage }
    if (answersTools(request)) return { text: `noted ${'y'.repeat(200)}`, usage }
    // The same id in every turn, as some servers give it.
    return { toolCalls: [{ id: 'call_1', name: 'clock', arguments: '{"zone":"UTC"}' }], usage }
  }

it.each([
  {
    vendor: 'OpenAI',
    type: 'openai_compat',
    turns: 400,
    start: () => fakeOpenAi(),
    usageOf: (tokens: number) => ({ prompt_tokens: tokens, completion_tokens: 5, total_tokens: tokens + 5 }),
  },
  {
    vendor: 'Anthropic',
    type: 'anthropic_native',
    turns: 120,
    start: () => fakeAnthropic(),
    usageOf: (tokens: number) => ({ input_tokens: tokens, output_tokens: 5 }),
  },
])(
  '$turns turns are all taken by $vendor, and the first facts are known at the end',
  async ({ type, turns, start, usageOf }) => {
    const fake = await start()
    fakes.push(fake)
    let tooLong = 0
    fake.rule = model(usageOf, () => tooLong++)
    const admin = testCaller({ role: 'admin', userId: 'alice' })
    const provider = { name: 'upstream', provider_type: type, api_base: fake.base, api_key: 'sk-test' }
    expect((await mesh.request(admin, 'POST', '/v1/providers', provider)).status).toBe(201)
    const agent = { agent_key: 'talker', provider: 'upstream', model: 'test-model', context_window: windowTokens }
    expect((await mesh.request(admin, 'POST', '/v1/agents', agent)).status).toBe(201)

    for (let turn = 1; turn <= turns; turn++) {
      const message = `turn ${turn}: ${facts[turn - 1] ?? 'x'.repeat(200)}`
      const body = { message, session_key: 'agent:talker:long' }
      const answer = await mesh.request(admin, 'POST', '/v1/agents/talker/wake', body)
      expect([turn, answer.status, answer.body]).toEqual([turn, 200, expect.anything()])
    }

    expect(fake.refusals).toEqual([])
    expect(tooLong).toBe(0)
    const last = JSON.stringify(fake.requests.findLast(({ body }) => !JSON.stringify(body).includes('keep the notes')))
    for (const fact of facts) expect(last).toContain(fact)
    const { body: session } = await mesh.request<Record<string, any>>(
      admin,
      'GET',
      '/v1/sessions/agent%3Atalker%3Along',
    )
    expect(session['compactionCount']).toBeGreaterThan(2)
    expect(session['messages']).toHaveLength(turns * 4)
  },
  600_000,
)
