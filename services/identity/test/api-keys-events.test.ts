import { masterTenantId } from '@clawmesh/contracts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'

let harness: IdentityHarness

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const create = async (caller: typeof systemOwner, more: object = {}) =>
  (
    await harness.request<{ id: string }>(caller, 'POST', '/v1/api-keys', {
      name: 'k',
      scopes: ['operator.read'],
      ...more,
    })
  ).body.id

describe('what happens to an API key is told', () => {
  it('in the tenant that it opens, though a system owner makes it from elsewhere', async () => {
    const tenantId = await harness.tenant('Opened')
    const id = await create(systemOwner, { tenant_id: tenantId })
    await harness.event('apiKeyCreated', tenantId, id)
    expect(await harness.eventsOf('apiKeyCreated', masterTenantId)).toEqual([])
  })

  it('in the master tenant for a system key, wherever its owner works', async () => {
    const tenantId = await harness.tenant('Elsewhere')
    const caller = { ...systemOwner, tenantId }
    const id = await create(caller)
    for (const verb of ['rotate', 'revoke']) await harness.request(caller, 'POST', `/v1/api-keys/${id}/${verb}`)
    for (const name of ['apiKeyCreated', 'apiKeyRotated', 'apiKeyRevoked'] as const) {
      await harness.event(name, masterTenantId, id)
      expect(await harness.eventsOf(name, tenantId)).toEqual([])
    }
  })
})
