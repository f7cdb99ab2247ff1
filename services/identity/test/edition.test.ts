import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, type IdentityHarness } from './support.ts'

let harness: IdentityHarness

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

describe('the edition', () => {
  rule('getEdition.saysUnlimitedAsZero', async () => {
    const anyone = testCaller({ role: 'viewer', userId: '' })
    expect(await harness.request(anyone, 'GET', '/v1/edition')).toMatchObject({
      status: 200,
      body: {
        name: 'standard',
        max_agents: 0,
        max_teams: 0,
        max_team_members: 0,
        max_channels: null,
        max_subagent_concurrent: 0,
        max_subagent_depth: 0,
        kg_enabled: true,
        rbac_enabled: true,
        team_full_mode: true,
        vector_search: true,
      },
    })
  })

  it('is the lite one, with its limits, where GOCLAW_EDITION says so', async () => {
    const lite = await startIdentity({ GOCLAW_EDITION: 'lite' })
    const { body } = await lite.request(testCaller({ role: 'viewer', userId: '' }), 'GET', '/v1/edition')
    expect(body).toEqual({
      name: 'lite',
      max_agents: 5,
      max_teams: 1,
      max_team_members: 5,
      max_channels: { telegram: 1, discord: 1 },
      max_subagent_concurrent: 2,
      max_subagent_depth: 1,
      kg_enabled: false,
      rbac_enabled: false,
      team_full_mode: false,
      vector_search: false,
    })
    await lite.stop()
  })
})
