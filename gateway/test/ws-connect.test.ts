/** Who gets in over a WebSocket, as whom, and how they lose it; over a real identity service and two edges. */
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '@clawmesh/chassis'
import {
  masterTenantId,
  runSubject,
  storedTracesSubject,
  translate,
  type ApiKeyScope,
  type RunEvent,
  type StoredTraces,
} from '@clawmesh/contracts'
import { testIdentity } from '../../test/support/identity.ts'
import { rule, ruleName } from '../../test/support/rule.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { connectWs, openWs, type WsClient } from '../../test/support/ws-client.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

let harness: ServiceHarness
let gateways: StartedGateway[]
const clients: WsClient[] = []

beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    // No session may end for the reason that a cached answer was too old.
    env: { CLAWMESH_CACHE_TTL_MS: '600000' },
  })
  const edge = () => startGateway(harness.mesh, {}, { pairingBurst: 1_000 })
  gateways = [await edge(), await edge()]
})
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop()
  await harness.stop()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })
const port = (at = 0) => gateways[at]!.port
const open = async (at = 0): Promise<WsClient> => {
  const client = await openWs(port(at))
  clients.push(client)
  return client
}
const connect = async (params: object, at = 0): Promise<WsClient> => {
  const client = await open(at)
  await client.need('connect', params)
  return client
}
const admin = (tenant?: string, at = 0) =>
  connect({ token: gatewayToken, user_id: 'system', ...(tenant === undefined ? {} : { tenant_id: tenant }) }, at)

interface Tenant {
  id: string
  slug: string
  name: string
}
const http = <B>(method: string, path: string, body?: object) =>
  harness.request<B>(systemOwner, method, path, body).then((answer) => answer.body)
const newTenant = (name: string) => http<Tenant>('POST', '/v1/tenants', { name })
const newKey = (tenant: Tenant | undefined, scopes: ApiKeyScope[], more: object = {}) =>
  http<{ id: string; key: string }>('POST', '/v1/api-keys', {
    name: 'test',
    scopes,
    ...(tenant === undefined ? {} : { tenant_id: tenant.id }),
    ...more,
  })
const addMember = (tenant: Tenant, userId: string) =>
  http('POST', `/v1/tenants/${tenant.id}/users`, { user_id: userId, role: 'member' })

describe('connect', () => {
  it('answers who the connection speaks for, and by whom it was answered', async () => {
    const client = await open()
    expect(await client.need('connect', { token: gatewayToken, user_id: 'system', locale: 'vi' })).toEqual({
      protocol: 3,
      role: 'owner',
      user_id: 'system',
      tenant_id: masterTenantId,
      is_owner: true,
      tenant_name: 'Master',
      tenant_slug: 'master',
      server: { name: 'goclaw', version: expect.any(String) },
    })
    const { error } = await client.ask('no.such.method')
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', message: 'phương thức không tồn tại: no.such.method' })
  })

  rule('connect.speaksForTheNamedUser', async () => {
    const client = await open()
    expect(await client.need('connect', { token: gatewayToken, userId: 'alice', protocolVersion: 3 })).toMatchObject({
      role: 'admin',
      user_id: 'alice',
      is_owner: false,
    })
    expect(await client.need('connect', { token: gatewayToken, user_id: 'system' })).toMatchObject({
      role: 'owner',
      is_owner: true,
    })
  })

  it.each([
    ['operator.read', 'viewer'],
    ['operator.write', 'operator'],
    ['operator.admin', 'admin'],
  ] as const)(ruleName('connect.fixesWhatAKeySays', '%s is %s'), async (scope, role) => {
    const [tenant, other] = [await newTenant(`own ${scope}`), await newTenant(`other ${scope}`)]
    const { key } = await newKey(tenant, [scope], { owner_id: 'bob' })
    const client = await open()
    expect(await client.need('connect', { token: key, user_id: 'mallory', tenant_id: other.slug })).toMatchObject({
      role,
      user_id: 'bob',
      tenant_id: tenant.id,
      tenant_slug: tenant.slug,
      tenant_name: tenant.name,
    })
  })

  rule('connect.refusesWrongTokens', async () => {
    for (const token of ['wrong', 'null', `goclaw_${'0'.repeat(32)}`, gatewayToken.toUpperCase(), 'x'.repeat(10_000)]) {
      const client = await open()
      expect(await client.ask('connect', { token })).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
      expect(await client.ask('device.pair.list')).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
      await client.need('connect', { token: gatewayToken })
      expect(await client.ask('connect', { token })).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
      expect(await client.ask('device.pair.list')).toMatchObject({ ok: true })
    }
  })

  it('takes a tenant by id, slug or older names, where the user is a member', async () => {
    const tenant = await newTenant('joined')
    await addMember(tenant, 'alice')
    for (const named of [{ tenant_id: tenant.id }, { tenant_hint: tenant.slug }, { tenant_scope: tenant.slug }]) {
      const client = await open()
      expect(await client.need('connect', { token: gatewayToken, user_id: 'alice', ...named })).toMatchObject({
        tenant_id: tenant.id,
      })
    }
    const stranger = await open()
    const answer = await stranger.ask('connect', { token: gatewayToken, user_id: 'mallory', tenant_id: tenant.id })
    expect(answer.error).toMatchObject({ code: 'TENANT_ACCESS_REVOKED', retryable: false })
  })

  rule('connect.hidesTenants', async () => {
    const tenant = await newTenant('hidden')
    const system = await newKey(undefined, ['operator.admin'])
    const client = await open()
    const refusal = async (params: object, named: string) => {
      const { error } = await client.ask('connect', { ...params, tenant_id: named })
      return { ...error, message: error!.message.replace(named, '…') }
    }
    const hidden = { code: 'TENANT_ACCESS_REVOKED', message: 'no access to tenant …', retryable: false }
    const member = { token: gatewayToken, user_id: 'alice' }
    expect(await refusal(member, tenant.slug)).toEqual(hidden)
    expect(await refusal(member, tenant.id)).toEqual(hidden)
    expect(await refusal(member, 'no-such')).toEqual(hidden)
    expect(await refusal({ token: gatewayToken }, tenant.slug)).toEqual(hidden)
    expect(await refusal({ token: gatewayToken }, 'no-such')).toEqual(hidden)
    expect(await refusal({ token: system.key }, 'no-such')).toEqual(hidden)
    expect(await refusal({}, 'no-such')).toEqual(hidden)
    expect(await refusal({ token: gatewayToken, user_id: 'system' }, 'no-such')).toMatchObject({ code: 'NOT_FOUND' })
  })

  rule('connect.neverFallsBack', async () => {
    const lenient = await startGateway(harness.mesh, { CLAWMESH_UNKNOWN_TENANT_FALLBACK: 'true' })
    const client = await openWs(lenient.port)
    for (const [user_id, code] of [
      ['system', 'NOT_FOUND'],
      ['alice', 'TENANT_ACCESS_REVOKED'],
    ])
      expect((await client.ask('connect', { token: gatewayToken, user_id, tenant_id: 'no-such' })).error).toMatchObject(
        {
          code,
        },
      )
    await client.close()
    await lenient.stop()
  })

  rule('connect.answersInTheAskedLanguage', async () => {
    const client = await open()
    const messageOf = async (params: object) => (await client.ask('connect', params)).error!.message
    const wrong = { token: 'wrong', locale: 'zh' }
    expect(await messageOf(wrong)).toBe(translate('zh', 'error.unauthorized', {}))
    const nowhere = { token: gatewayToken, user_id: 'alice', tenant_id: 'no-such', locale: 'vi' }
    expect(await messageOf(nowhere)).toBe(translate('vi', 'error.tenant_access_revoked', { id: 'no-such' }))
    expect(await messageOf({ user_id: 7, locale: 'vi' })).toContain(
      translate('vi', 'error.invalid_request', {
        field: 'user_id',
        reason: '',
      }).trim(),
    )
    await client.need('connect', { token: gatewayToken, locale: 'vi' })
    await messageOf(wrong)
    // The connection stays what it was.
    expect((await client.ask('no.such')).error!.message).toBe(
      translate('vi', 'error.unknown_method', { method: 'no.such' }),
    )
  })

  it.each([
    [{ user_id: 'x'.repeat(256) }, 'user_id'],
    [{ token: 7 }, 'token'],
    [{ user_id: 'a\nb' }, 'user_id'],
  ])('refuses %j naming the param', async (params, field) => {
    const client = await open()
    const { error } = await client.ask('connect', { token: gatewayToken, ...params })
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining(field) })
  })

  rule('connect.replacesTheCaller', async () => {
    const tenant = await newTenant('second')
    const client = await connect({ token: gatewayToken })
    const { key } = await newKey(tenant, ['operator.read'])
    expect(await client.need('connect', { token: key })).toMatchObject({ role: 'viewer', tenant_id: tenant.id })
    expect(await client.ask('device.pair.list')).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    await client.need('connect', { token: key, locale: 'zh' })
    expect((await client.ask('no.such')).error!.message).toBe(
      translate('zh', 'error.unknown_method', { method: 'no.such' }),
    )
  })

  it('is waited for by what was sent right after it', async () => {
    const client = await open()
    const answers = await Promise.all([
      client.ask('connect', { token: gatewayToken }),
      client.ask('device.pair.list'),
      client.ask('device.pair.list'),
    ])
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true])
  })

  rule('connect.opensDevelopment', async () => {
    const development = await startGateway(harness.mesh, { GOCLAW_GATEWAY_TOKEN: '' })
    const client = await openWs(development.port)
    expect(await client.need('connect', {})).toMatchObject({ role: 'operator', tenant_id: masterTenantId })
    expect(await client.need('connect', { token: 'anything', user_id: 'alice' })).toMatchObject({ role: 'operator' })
    expect(await client.need('connect', { user_id: 'system' })).toMatchObject({ role: 'owner', is_owner: true })
    const tenant = await newTenant('kept')
    const { key } = await newKey(tenant, ['operator.read'])
    expect(await client.need('connect', { token: key })).toMatchObject({ role: 'viewer', tenant_id: tenant.id })
    await client.close()
    await development.stop()
  })
})

describe('access that ends closes its connections on every edge', () => {
  const bothEnd = async (sessions: WsClient[], code: number) => {
    for (const session of sessions) expect(await session.closed).toMatchObject({ code })
  }

  it('a revoked key', async () => {
    const tenant = await newTenant('revoking')
    const [gone, kept] = [await newKey(tenant, ['operator.write']), await newKey(tenant, ['operator.write'])]
    const sessions = [await connect({ token: gone.key }, 0), await connect({ token: gone.key }, 1)]
    const bystander = await connect({ token: kept.key })
    await harness.request({ ...systemOwner, tenantId: tenant.id }, 'POST', `/v1/api-keys/${gone.id}/revoke`)
    await bothEnd(sessions, 4401)
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN)
  })

  rule('removeTenantMember.endsAccess', async () => {
    const [tenant, other] = [await newTenant('leaving'), await newTenant('staying')]
    for (const [of, user] of [
      [tenant, 'alice'],
      [tenant, 'bob'],
      [other, 'alice'],
    ] as const)
      await addMember(of, user)
    const as = (user: string, of: Tenant, at: number) =>
      connect({ token: gatewayToken, user_id: user, tenant_id: of.id }, at)
    const sessions = [await as('alice', tenant, 0), await as('alice', tenant, 1)]
    const bystanders = [await as('bob', tenant, 0), await as('alice', other, 1)]
    await http('DELETE', `/v1/tenants/${tenant.id}/users/alice`)
    await bothEnd(sessions, 4403)
    for (const session of sessions)
      expect(session.events).toEqual([
        {
          type: 'event',
          event: 'tenant.access.revoked',
          payload: { user_id: 'alice', tenant_id: tenant.id },
          seq: 1,
        },
      ])
    for (const bystander of bystanders) {
      expect(bystander.socket.readyState).toBe(bystander.socket.OPEN)
      expect(bystander.events).toEqual([])
    }
  })

  rule('updateTenant.closesTenants', async () => {
    const tenant = await newTenant('suspended')
    const { key } = await newKey(tenant, ['operator.admin'])
    const sessions = [await connect({ token: key }, 0), await admin(tenant.id, 1)]
    const bystander = await admin()
    await http('PATCH', `/v1/tenants/${tenant.id}`, { status: 'suspended' })
    await bothEnd(sessions, 4403)
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN)
  })

  it('an expired key, whose next request is refused', async () => {
    const tenant = await newTenant('expiring')
    const { key } = await newKey(tenant, ['operator.admin'], { expires_in: 4 })
    const session = await connect({ token: key })
    await sleep(4_100)
    expect(await session.ask('device.pair.list')).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    expect(await session.closed).toMatchObject({ code: 4401 })
  })
})

describe('a browser without a credential', () => {
  interface Pending {
    status: string
    pairing_code: string
    sender_id: string
  }

  rule('connect.showsACode', async () => {
    const tenant = await newTenant('paired')
    const approver = await admin(tenant.id, 1)
    const browser = await open()
    const pending = await browser.need<Pending>('connect', { tenant_hint: tenant.slug })
    expect(pending).toEqual({
      protocol: 3,
      status: 'pending_pairing',
      pairing_code: expect.stringMatching(/^[A-HJ-NP-Z2-9]{8}$/),
      sender_id: expect.any(String),
      server: { name: 'goclaw', version: expect.any(String) },
    })
    const { payload } = await approver.event('device.pair.requested')
    expect(payload).toEqual({
      code: pending.pairing_code,
      sender_id: pending.sender_id,
      channel: 'browser',
      chat_id: '',
    })
    const own = { sender_id: pending.sender_id }
    expect(await browser.need('browser.pairing.status', own)).toEqual({ status: 'pending', approved: false })
    await approver.need('device.pair.approve', { code: pending.pairing_code })
    expect((await browser.event('device.pair.resolved')).payload).toEqual({ action: 'approved' })
    expect((await approver.event('device.pair.resolved')).payload).toEqual({ action: 'approved' })
    expect(await browser.need('browser.pairing.status', own)).toEqual({ status: 'approved', approved: true })
    // Who may enter a tenant by name is one of its members, as everywhere.
    await addMember(tenant, 'alice')
    expect(await browser.need('connect', { ...own, user_id: 'alice', tenant_id: tenant.id })).toMatchObject({
      role: 'operator',
      user_id: 'alice',
      tenant_id: tenant.id,
      is_owner: false,
    })
  })

  rule('device.pair.revoke.closesConnections', async () => {
    const tenant = await newTenant('unpaired')
    await addMember(tenant, 'alice')
    const approver = await admin(tenant.id, 1)
    const browser = await open()
    const { pairing_code, sender_id } = await browser.need<Pending>('connect', { tenant_id: tenant.id })
    await approver.need('device.pair.approve', { code: pairing_code })
    const credentials = { sender_id, user_id: 'alice', tenant_id: tenant.id }
    await browser.need('connect', credentials)
    const elsewhere = await connect(credentials, 1)
    await approver.need('device.pair.revoke', { senderId: sender_id })
    for (const session of [browser, elsewhere]) expect(await session.closed).toMatchObject({ code: 4401 })
  })

  rule('browser.pairing.status.isForThoseWhoWait', async () => {
    const tenant = await newTenant('waiting')
    const [first, second] = [await open(), await open(1)]
    const pending = await first.need<Pending>('connect', { tenant_id: tenant.id })
    const other = await second.need<Pending>('connect', { tenant_id: tenant.id })
    for (const [method, params] of [
      ['device.pair.list', {}],
      ['device.pair.approve', { code: pending.pairing_code }],
      ['browser.pairing.status', { sender_id: other.sender_id }],
      ['no.such.method', {}],
    ] as const)
      expect(await first.ask(method, params)).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    const own = { sender_id: pending.sender_id }
    expect(await first.need('browser.pairing.status', own)).toMatchObject({ status: 'pending' })
    const stranger = await open()
    expect((await stranger.ask('browser.pairing.status', own)).error).toMatchObject({ code: 'UNAUTHORIZED' })
    const approver = await admin(tenant.id)
    await approver.need('device.pair.deny', { code: other.pairing_code })
    expect((await second.event('device.pair.resolved')).payload).toEqual({ action: 'denied' })
    await sleep(100)
    expect(first.events).toEqual([])
    expect(await second.need('browser.pairing.status', { sender_id: other.sender_id })).toMatchObject({
      status: 'expired',
    })
  })

  rule('browser.pairing.status.isLimitedByAddress', async () => {
    const edge = await startGateway(harness.mesh, {}, { pairingStatusBurst: 2, pairingStatusIntervalMs: 600_000 })
    const [first, second] = [await openWs(edge.port), await openWs(edge.port)]
    const ask = async (client: WsClient) =>
      (await client.ask('browser.pairing.status', { sender_id: 'somebody' })).error!
    for (const client of [first, second]) expect((await ask(client)).code).toBe('UNAUTHORIZED')
    for (const client of [first, second]) {
      const { code, retryable, retryAfterMs } = await ask(client)
      expect([code, retryable]).toEqual(['RESOURCE_EXHAUSTED', true])
      expect(retryAfterMs).toBeGreaterThan(0)
      expect(retryAfterMs).toBeLessThanOrEqual(600_000)
      await client.close()
    }
    await edge.stop()
  })

  it('keeps its code when it comes back while it waits', async () => {
    const tenant = await newTenant('returning')
    const first = await open()
    const pending = await first.need<Pending>('connect', { tenant_id: tenant.id })
    await first.close()
    const second = await open(1)
    expect(await second.need('connect', { tenant_id: tenant.id, sender_id: pending.sender_id })).toMatchObject({
      pairing_code: pending.pairing_code,
      sender_id: pending.sender_id,
    })
  })

  it('asks for five codes a moment at most', async () => {
    const tenant = await newTenant('crowded')
    const edge = await startGateway(harness.mesh, {}, { pairingIntervalMs: 600_000 })
    const codes: unknown[] = []
    for (let at = 0; at < 7; at++) {
      const client = await openWs(edge.port)
      const { ok, error } = await client.ask('connect', { tenant_id: tenant.id })
      codes.push(ok ? 'ok' : [error!.code, error!.retryAfterMs! > 0])
      await client.close()
    }
    const fast = ['RESOURCE_EXHAUSTED', true]
    expect(codes).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', fast, fast])
    await edge.stop()
  })

  rule('connect.limitsPendingBrowsers', async () => {
    const tenant = await newTenant('crowded by an address')
    const edge = await startGateway(harness.mesh, {}, { pairingBurst: 1_000 })
    const waiting: WsClient[] = []
    const ask = async () => {
      const client = await openWs(edge.port)
      waiting.push(client)
      const { ok, error } = await client.ask('connect', { tenant_id: tenant.id })
      return ok ? 'ok' : error!.message
    }
    for (let at = 0; at < 3; at++) expect(await ask()).toBe('ok')
    expect(await ask()).toBe('too many pairing requests are pending')
    await waiting[1]!.close()
    // The edge says so on its own time.
    for (let given = await ask(); given !== 'ok'; given = await ask()) await sleep(10)
    expect(await ask()).toBe('too many pairing requests are pending')
    await Promise.all(waiting.map((client) => client.close()))
    await edge.stop()
  })

  rule('connect.bindsBrowsers', async () => {
    const tenant = await newTenant('bound')
    for (const user of ['alice', 'bob']) await addMember(tenant, user)
    const approver = await admin(tenant.id)
    const browser = await open()
    const { pairing_code, sender_id } = await browser.need<Pending>('connect', { tenant_id: tenant.id })
    await approver.need('device.pair.approve', { code: pairing_code })
    const as = (user_id: string) => ({ sender_id, tenant_id: tenant.id, user_id })
    expect((await browser.ask('connect', as('mallory'))).error).toMatchObject({ code: 'TENANT_ACCESS_REVOKED' })
    expect(await browser.need('connect', as('alice'))).toMatchObject({ user_id: 'alice' })
    for (const at of [0, 1]) {
      const other = await open(at)
      expect((await other.ask('connect', as('bob'))).error).toMatchObject({ code: 'UNAUTHORIZED' })
      expect(await other.need('connect', { sender_id, tenant_id: tenant.id })).toMatchObject({ user_id: 'alice' })
    }
  })

  it('is not told a suspended tenant from an unknown one', async () => {
    const tenant = await newTenant('closed to browsers')
    await http('PATCH', `/v1/tenants/${tenant.id}`, { status: 'archived' })
    const client = await open()
    for (const tenant_id of [tenant.id, 'unheard-of'])
      expect((await client.ask('connect', { tenant_id })).error).toMatchObject({
        code: 'TENANT_ACCESS_REVOKED',
        message: `no access to tenant ${tenant_id}`,
      })
  })
})

describe('events of runs', () => {
  const base = (userId: string) => ({
    runId: newId(),
    agentId: newId(),
    agentKey: 'helper',
    sessionKey: 'agent:helper:main',
    userId,
    channel: 'http',
  })
  const publish = (tenant: Tenant, event: RunEvent) =>
    harness.mesh.bus.signal(runSubject(tenant.id, event.runId), event)

  it('reach admins of the tenant and the user of the run, on every edge, in order, and nobody else', async () => {
    const [tenant, other] = [await newTenant('seeing'), await newTenant('not seeing')]
    const { key } = await newKey(tenant, ['operator.read'])
    const { key: foreign } = await newKey(other, ['operator.admin'])
    const alice = await connect({ token: key, user_id: 'alice' }, 1)
    const boss = await admin(tenant.id, 0)
    const strangers = [
      await connect({ token: key, user_id: 'bob' }),
      await connect({ token: key }),
      await connect({ token: foreign, user_id: 'alice' }),
      await admin(),
      await open(),
    ]
    const run = base('alice')
    publish(tenant, { type: 'run.started', ...run })
    publish(tenant, { type: 'activity', phase: 'thinking', iteration: 1, ...run })
    publish(tenant, { type: 'chunk', content: 'Hello', ...run })
    const call = { id: 'c1', name: 'clock', arguments: { zone: 'UTC' } }
    publish(tenant, { type: 'tool.call', ...call, ...run })
    publish(tenant, { type: 'tool.result', ...call, result: 'noon', isError: false, ...run })
    const usage = { inputTokens: 7, outputTokens: 3, cacheReadTokens: 2, cacheCreationTokens: 1, thinkingTokens: 0 }
    publish(tenant, { type: 'run.completed', content: 'Hello', usage, ...run })
    publish(tenant, { type: 'run.started', ...base('') })

    const common = { agentId: 'helper', runId: run.runId, userId: 'alice', channel: 'http', sessionKey: run.sessionKey }
    const expected = [
      { type: 'run.started', ...common },
      { type: 'activity', ...common, payload: { phase: 'thinking', iteration: 1 } },
      { type: 'chunk', ...common, payload: { content: 'Hello' } },
      { type: 'tool.call', ...common, payload: call },
      { type: 'tool.result', ...common, payload: { ...call, is_error: false, result: 'noon' } },
      {
        type: 'run.completed',
        ...common,
        payload: {
          content: 'Hello',
          usage: {
            prompt_tokens: 7,
            completion_tokens: 3,
            total_tokens: 10,
            cache_creation_tokens: 1,
            cache_read_tokens: 2,
          },
        },
      },
    ]
    await boss.event('agent', ({ userId }: { userId: string }) => userId === '')
    await alice.event('agent', ({ type }: { type: string }) => type === 'run.completed')
    expect(alice.events.map(({ payload }) => payload)).toEqual(expected)
    expect(alice.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(boss.events.slice(0, 6).map(({ payload }) => payload)).toEqual(expected)
    for (const stranger of strangers) expect(stranger.events).toEqual([])
  })
})

test('traces that were stored are told to their user and to admins of the tenant, those without a user to admins alone', async () => {
  const [tenant, other] = [await newTenant('traced'), await newTenant('not traced')]
  const { key } = await newKey(tenant, ['operator.read'])
  const alice = await connect({ token: key, user_id: 'alice' }, 1)
  const boss = await admin(tenant.id, 0)
  const strangers = [
    await connect({ token: key, user_id: 'bob' }),
    await connect({ token: key }),
    await admin(other.id),
  ]
  const [mine, nobodys, last] = [newId(), newId(), newId()]
  const tell = (stored: StoredTraces) => harness.mesh.bus.signal(storedTracesSubject(tenant.id), stored)
  tell({ userId: 'alice', traceIds: [mine] })
  tell({ userId: '', traceIds: [nobodys] })
  tell({ userId: 'alice', traceIds: [last] })
  const expected = [
    { trace_ids: [mine], userId: 'alice' },
    { trace_ids: [nobodys] },
    { trace_ids: [last], userId: 'alice' },
  ]
  for (const session of [alice, boss])
    await session.event('trace.updated', ({ trace_ids }: { trace_ids: string[] }) => trace_ids[0] === last)
  expect(alice.events.map(({ payload }) => payload)).toEqual([expected[0], expected[2]])
  expect(boss.events.map(({ payload }) => payload)).toEqual(expected)
  for (const stranger of strangers) expect(stranger.events).toEqual([])
})

test('once everybody has gone, an edge remembers nothing of them', async () => {
  const tenant = await newTenant('forgotten')
  const edge = await startGateway(harness.mesh)
  const { key } = await newKey(tenant, ['operator.read'])
  const some = await Promise.all([
    connectWs(edge.port, { token: key, user_id: 'alice' }),
    connectWs(edge.port, { token: gatewayToken }),
    openWs(edge.port),
  ])
  await some[2].need('connect', {})
  expect(edge.service.connections()).toBeGreaterThan(0)
  some[0].socket.terminate()
  some[1].socket.terminate()
  await some[2].close()
  while (edge.service.connections() > 0) await sleep(20)
  await edge.stop()
})
