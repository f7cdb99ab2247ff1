/** What identity changes is believed by the edge at once: through the whole mesh, as a client sees it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startAllInOne, type AllInOne, type Headers, type TestTenant } from '../../../test/support/all-in-one.ts'
import { eventually } from '../../../test/support/eventually.ts'

describe.each([
  ['in one process', false],
  ['with the edge apart, over HTTP, gRPC and NATS', true],
])('%s', (_mode, apart) => {
  let mesh: AllInOne
  let tenant: TestTenant

  beforeAll(async () => {
    // A change that only the age of a cached answer would bring to the edge must not pass.
    mesh = await startAllInOne({ CLAWMESH_CACHE_TTL_MS: '600000' }, { apart })
    tenant = await mesh.makeTenant('access')
  })
  afterAll(() => mesh.stop())

  const statusOf = async (headers: Headers, path = '/v1/agents') =>
    (await mesh.request('GET', path, { headers })).status
  const asOwner = async (method: string, path: string, body?: object) => {
    const answer = await mesh.request(method, path, { headers: mesh.owner(), ...(body === undefined ? {} : { body }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  /** Until a status is answered. Long before a cached answer would be too old, so it came by a word of identity's. */
  const becomes = (status: number, headers: Headers) =>
    eventually(`status ${status}`, async () => (await statusOf(headers)) === status)

  const member = (userId: string): Headers => ({
    authorization: `Bearer ${mesh.gatewayToken}`,
    'x-goclaw-user-id': userId,
    'x-goclaw-tenant-id': tenant.id,
  })

  describe('membership', () => {
    it('opens the tenant as soon as it is given and closes it when it is taken', async () => {
      const users = `/v1/tenants/${tenant.id}/users`
      expect(await statusOf(member('bob'))).toBe(403)
      for (let times = 0; times < 3; times++) {
        await asOwner('POST', users, { user_id: 'bob' })
        await becomes(200, member('bob'))
        await asOwner('DELETE', `${users}/bob`)
        await becomes(403, member('bob'))
      }
    })

    it('of one user is no membership of another', async () => {
      await asOwner('POST', `/v1/tenants/${tenant.id}/users`, { user_id: 'carol' })
      expect([await statusOf(member('carol')), await statusOf(member('dave'))]).toEqual([200, 403])
    })

    it('shows the tenant’s users and configs to the member, and not those of another tenant', async () => {
      const other = await mesh.makeTenant('other')
      await asOwner('POST', `/v1/tenants/${other.id}/users`, { user_id: 'eve' })
      await mesh.request('PUT', '/v1/system-configs/note', {
        headers: other.as('admin'),
        body: { value: 'of the other' },
      })
      await asOwner('POST', `/v1/tenants/${tenant.id}/users`, { user_id: 'carol' })
      for (const path of ['/v1/tenant-users', '/v1/users/search', '/v1/system-configs']) {
        const { status, text } = await mesh.request('GET', path, { headers: member('carol') })
        expect([path, status]).toEqual([path, 200])
        expect(text).not.toMatch(/eve|of the other/)
      }
    })
  })

  describe('a suspended tenant', () => {
    it('is refused at once to its keys and members, and served again when it is active', async () => {
      const closing = await mesh.makeTenant('closing')
      await asOwner('POST', `/v1/tenants/${closing.id}/users`, { user_id: 'bob' })
      const callers = [
        closing.as('admin'),
        closing.as('viewer'),
        { ...member('bob'), 'x-goclaw-tenant-id': closing.slug },
      ]
      for (const status of ['suspended', 'active', 'archived', 'active']) {
        await asOwner('PATCH', `/v1/tenants/${closing.id}`, { status })
        for (const caller of callers) await becomes(status === 'active' ? 200 : 403, caller)
      }
    })
  })

  describe('a rotated key', () => {
    it('works beside its successor until the deadline, then is refused as any wrong key', async () => {
      const { id, secret } = await mesh.makeKey(tenant.id, ['operator.write'])
      const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}`, 'x-goclaw-user-id': 'bob' })
      expect(await statusOf(bearer(secret))).toBe(200)
      const body = { grace_seconds: 5 }
      const made = await mesh.request('POST', `/v1/api-keys/${id}/rotate`, { headers: tenant.as('admin'), body })
      expect(made.status).toBe(201)
      const fresh = String(made.body['key'])
      const deadline = Date.parse(String(made.body['previous_expires_at']))
      expect([await statusOf(bearer(secret)), await statusOf(bearer(fresh))]).toEqual([200, 200])
      await sleep(deadline - Date.now() + 20)
      expect([await statusOf(bearer(secret)), await statusOf(bearer(fresh))]).toEqual([401, 200])
    })

    it('is refused at once when no grace is given', async () => {
      const { id, secret } = await mesh.makeKey(tenant.id, ['operator.read'])
      const headers: Headers = { authorization: `Bearer ${secret}`, 'x-goclaw-user-id': 'bob' }
      expect(await statusOf(headers)).toBe(200)
      const body = { grace_seconds: 0 }
      await mesh.request('POST', `/v1/api-keys/${id}/rotate`, { headers: tenant.as('admin'), body })
      await becomes(401, headers)
    })
  })

  describe('the edition', () => {
    it('is told to anyone, whatever they send', async () => {
      for (const headers of [{}, { authorization: 'Bearer wrong' }, tenant.as('viewer')] as Headers[]) {
        const { status, body } = await mesh.request('GET', '/v1/edition', { headers })
        expect([status, body['name']]).toEqual([200, 'standard'])
      }
    })
  })
})
