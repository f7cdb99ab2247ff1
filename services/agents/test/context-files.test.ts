import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startAgents, type AgentsUnderTest } from './stand-ins.ts'

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())

const alice = testCaller({ role: 'operator', userId: 'alice' })
const rpc = () => agents.rpc(AgentsServiceService)
const set = (userId: string, content: string, agentId = 'default', caller = alice) =>
  rpc().setContextFile(agents.call(caller), { agentId, userId, fileName: 'USER.md', content })
const get = (userId: string, agentId = 'default', caller = alice) =>
  rpc().getContextFile(agents.call(caller), { agentId, userId, fileName: 'USER.md' })
/** The system prompt of a new run. */
const promptFor = async (caller = alice) => {
  const body = { model: '', messages: [{ role: 'user', content: 'hi' }] }
  expect((await agents.request(caller, 'POST', '/v1/chat/completions', body)).status).toBe(200)
  return agents.asked.at(-1)!.messages[0]!.content
}

describe('context files', () => {
  it("are an agent's, or one of its users': written, read, and deleted by an empty text", async () => {
    expect(await get('')).toEqual({ found: false, content: '' })
    await set('', 'for all')
    await set('bob', 'for Bob')
    expect([(await get('')).content, (await get('bob')).content]).toEqual(['for all', 'for Bob'])
    expect(await get('carol')).toEqual({ found: false, content: '' })
    await set('bob', '')
    expect(await get('bob')).toEqual({ found: false, content: '' })
  })

  it("stand in the prompt of the next run, a user's own in place of the agent's", async () => {
    await set('', 'about everybody')
    expect(await promptFor()).toContain('about everybody')
    await set('alice', 'about Alice')
    const prompt = await promptFor()
    expect(prompt).toContain('about Alice')
    expect(prompt).not.toContain('about everybody')
    expect(await promptFor({ ...alice, userId: 'bob' })).toContain('about everybody')
  })

  it('of an unknown agent, or one of another tenant, do not exist and are not made', async () => {
    const stranger = testCaller({ role: 'owner' })
    const { id } = await rpc().resolveAgent(agents.call(alice), { agent: 'default' })
    await set('', 'kept')
    for (const [agentId, caller] of [
      [id, stranger],
      ['nobody', alice],
      [crypto.randomUUID(), alice],
    ] as const) {
      await set('', 'forged', agentId, caller)
      expect(await get('', agentId, caller)).toEqual({ found: false, content: '' })
    }
    expect((await get('')).content).toBe('kept')
  })
})
