/** Every change through the edge leaves a record that says who made it and from where. */
import { masterTenantId } from '@clawmesh/contracts'
import { startAllInOne, systemOwnerId, type AllInOne } from '../../../test/support/all-in-one.ts'
import type { ActivityPage } from './support.ts'
import { eventually } from '../../../test/support/eventually.ts'

const address = '203.0.113.7'
const hooksLimitMs = 120_000

describe.each([
  ['in one process', false],
  ['with services apart from the gateway', true],
])('%s', (_, apart) => {
  let mesh: AllInOne
  beforeAll(async () => {
    mesh = await startAllInOne({ CLAWMESH_TRUSTED_PROXIES: '127.0.0.1' }, { apart })
  }, hooksLimitMs)
  afterAll(() => mesh?.stop(), hooksLimitMs)

  const requestAs =
    (headers: Record<string, string>) =>
    async <B = Record<string, unknown>>(method: string, path: string, body?: object): Promise<B> => {
      const answer = await mesh.request<B>(method, path, {
        headers: { ...headers, 'x-forwarded-for': `198.51.100.1, ${address}` },
        ...(body === undefined ? {} : { body }),
      })
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
      return answer.body
    }
  const pathTo = (base: string, thing: Record<string, unknown>) => `${base}/${String(thing['id'])}`

  /** The actions on record, oldest first, once the last one that is waited for has arrived. */
  const recorded = (headers: Record<string, string>, last: string, query = '') =>
    eventually(`${last} on record`, async () => {
      const { logs } = await requestAs(headers)<ActivityPage>('GET', `/v1/activity?limit=200${query}`)
      return logs.some(({ action }) => action === last) && logs.toReversed()
    })

  it("of a tenant's things", async () => {
    const tenant = await mesh.makeTenant('audit')
    const admin = tenant.as('admin', 'carol')
    const request = requestAs(admin)

    const provider = await request('POST', '/v1/providers', {
      name: 'p',
      provider_type: 'openai_compat',
      api_base: mesh.upstream.base,
      api_key: 'sk-x',
    })
    await request('PUT', pathTo('/v1/providers', provider), { display_name: 'P' })
    const agent = await request('POST', '/v1/agents', { agent_key: 'helper', provider: 'p', model: 'gpt-4o' })
    await request('PUT', pathTo('/v1/agents', agent), { display_name: 'H' })
    await request('PUT', '/v1/agents/helper/memory/documents/notes.md', { content: 'x' })
    await request('DELETE', '/v1/agents/helper/memory/documents/notes.md')
    await request('POST', '/v1/tools/invoke', {
      tool: 'write_file',
      agentId: 'helper',
      args: { path: 'a.txt', content: 'x' },
    })
    const channel = await request('POST', '/v1/channels/instances', {
      name: 'c',
      channel_type: 'telegram',
      agent_id: 'helper',
    })
    await request('PUT', pathTo('/v1/channels/instances', channel), { display_name: 'C' })
    await request('DELETE', pathTo('/v1/channels/instances', channel))
    await request('POST', '/v1/chat/completions', {
      model: 'goclaw:helper',
      messages: [{ role: 'user', content: 'hello' }],
    })
    const { sessions } = await request<{ sessions: { key: string }[] }>('GET', '/v1/sessions')
    const session = `/v1/sessions/${encodeURIComponent(sessions[0]!.key)}`
    await request('PATCH', session, { label: 'l' })
    await request('POST', `${session}/reset`)
    await request('DELETE', session)
    const key = await request('POST', '/v1/api-keys', { name: 'k', scopes: ['operator.read'] })
    await request('POST', `${pathTo('/v1/api-keys', key)}/revoke`)
    await request('DELETE', pathTo('/v1/agents', agent))
    await request('DELETE', pathTo('/v1/providers', provider))

    const expected = [
      ...['provider.created', 'provider.updated', 'agent.created', 'agent.updated', 'document.stored'],
      ...['document.deleted', 'tool.invoked', 'channel_instance.created', 'channel_instance.updated'],
      ...['channel_instance.deleted', 'session.patched', 'session.reset', 'session.deleted', 'api_key.created'],
      ...['api_key.revoked', 'agent.deleted', 'provider.deleted'],
    ]
    for (const action of expected) await recorded(admin, action)
    // Beside what the tenant does stands what the system's owner did for it: its keys.
    const logs = await recorded(admin, 'provider.deleted', '&actor_id=carol')
    expect(logs.map(({ action }) => action).sort()).toEqual(expected.toSorted())
    for (const log of logs) expect(log).toMatchObject({ actor_id: 'carol', actor_type: 'user', ip_address: address })
    expect(logs.find(({ action }) => action === 'agent.deleted')!.entity_id).toBe(agent['id'])
  })

  it('of the installation, in its master tenant', async () => {
    const request = requestAs(mesh.owner())
    const tenant = await mesh.makeTenant('audit')
    await request('PATCH', `/v1/tenants/${tenant.id}`, { name: 'Renamed' })
    await request('PUT', '/v1/tools/builtin/read_file', { enabled: true })
    await recorded(mesh.owner(), 'builtin_tool.updated')
    const logs = await recorded(mesh.owner(), 'tenant.updated', `&entity_id=${tenant.id}`)
    expect(logs).toMatchObject([
      { action: 'tenant.created', entity_type: 'tenant', actor_id: systemOwnerId, ip_address: '127.0.0.1' },
      { action: 'tenant.updated', entity_type: 'tenant', actor_id: systemOwnerId, ip_address: address },
    ])
    expect((await requestAs(mesh.owner(masterTenantId))<ActivityPage>('GET', '/v1/activity')).total).toBeGreaterThan(0)
    const { logs: own } = await requestAs(tenant.as('admin'))<ActivityPage>('GET', '/v1/activity')
    expect(own.filter(({ action }) => action !== 'api_key.created')).toEqual([])
  })

  it('of members and configs of a tenant', async () => {
    const tenant = await mesh.makeTenant('audit')
    const owner = mesh.owner(tenant.id)
    const request = requestAs(owner)
    await request('POST', `/v1/tenants/${tenant.id}/users`, { user_id: 'dave', role: 'member' })
    await request('DELETE', `/v1/tenants/${tenant.id}/users/dave`)
    await request('PUT', '/v1/system-configs/some.key', { value: 'x' })
    await request('DELETE', '/v1/system-configs/some.key')
    for (const action of ['tenant.user.added', 'tenant.user.removed', 'system_config.set', 'system_config.deleted'])
      expect(await recorded(owner, action, `&action=${action}`)).toMatchObject([
        { entity_type: action.split('.')[0], actor_id: systemOwnerId, ip_address: address },
      ])
  })
})
