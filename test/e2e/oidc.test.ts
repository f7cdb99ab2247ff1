/** External identity through the whole mesh: a tenant's OIDC issuer, two gateways, and one identity behind them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { eventually } from '../support/eventually.ts'
import { apiOf, type Api } from '../support/mesh-api.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { hangLimitMs } from '../support/limits.ts'

const fetchPauseMs = 300

interface Tenant {
  id: string
  slug: string
}

let mesh: Mesh
let issuer: FakeOidc
let tenant: Tenant
let issuerPath: string

const owner = (): Api => mesh.api(0, ownerId)
const makeTenant = (name: string) => owner().need<Tenant>('POST', '/v1/tenants', { name, slug: name })

beforeAll(async () => {
  issuer = await fakeOidc('RS256')
  mesh = await startMesh({
    gateways: 2,
    together: true,
    env: {
      CLAWMESH_OIDC_ALLOW_HTTP: 'true',
      CLAWMESH_OIDC_FETCH_PAUSE_MS: String(fetchPauseMs),
      CLAWMESH_OIDC_KEYS_MAX_AGE_MS: '1000',
      CLAWMESH_LOG_LEVEL: 'debug',
      // Gateways forget only what they are told to forget.
      CLAWMESH_CACHE_TTL_MS: '600000',
    },
  })
  tenant = await makeTenant('acme')
  const made = await owner().need<{ id: string }>('POST', `/v1/tenants/${tenant.id}/oidc-issuers`, {
    issuer: issuer.issuer,
    audiences: ['clawmesh'],
    role_claim: 'realm_access.roles',
    role_mapping: { staff: 'operator', boss: 'admin' },
    default_role: 'viewer',
  })
  issuerPath = `/v1/tenants/${tenant.id}/oidc-issuers/${made.id}`
}, meshStartLimitMs)

afterAll(async () => {
  await mesh?.stop()
  await issuer?.close()
})

const tokenOf = (user: string, ...roles: string[]) =>
  issuer.sign({ sub: user, aud: 'clawmesh', realm_access: { roles } })
/** The edges, asked with a token and, beside it, a user id that nobody may believe. */
const edgesWith = (token: string): Api[] => mesh.edges.map((url) => apiOf({ url, token, userId: ownerId }))
const statusOf = async (edge: Api, path = '/v1/agents') => (await edge.request('GET', path)).status
const statusesOf = (token: string) => Promise.all(edgesWith(token).map((edge) => statusOf(edge)))
const change = (edge: number, body: object) => mesh.api(edge, ownerId).need('PATCH', issuerPath, body)

/** Until an edge answers with a status; everything before must have been the other. */
const becomes = async (edge: Api, status: number, before: number): Promise<void> => {
  const from = performance.now()
  for (;;) {
    const seen = await statusOf(edge)
    if (seen === status) return
    expect(seen).toBe(before)
    if (performance.now() - from > hangLimitMs) throw new Error(`still ${before}`)
    await sleep(10)
  }
}

test('a token is its user, with the role of its claims, in the tenant that has connected its issuer', async () => {
  const [viewer, operator, admin] = await Promise.all([tokenOf('ann'), tokenOf('bob', 'staff'), tokenOf('eve', 'boss')])
  for (const token of [viewer, operator, admin]) expect(await statusesOf(token)).toEqual([200, 200])
  const body = { agent_key: 'made-by-eve', display_name: 'Made by Eve', provider: 'none', model: 'none' }
  const statusFor = async (token: string) => (await edgesWith(token)[0]!.request('POST', '/v1/agents', body)).status
  expect([await statusFor(viewer), await statusFor(operator)]).toEqual([403, 403])

  const agent = await edgesWith(admin)[1]!.need<{ tenant_id: string; owner_id: string }>('POST', '/v1/agents', body)
  expect(agent).toMatchObject({ tenant_id: tenant.id, owner_id: 'eve' })
  for (const edge of edgesWith(admin)) expect(await statusOf(edge, '/v1/tenants')).toBe(403)
})

test('a tenant that is named beside it changes nothing', async () => {
  const other = await makeTenant('other')
  const response = await fetch(`${mesh.edges[0]}/v1/agents/made-by-eve`, {
    headers: { authorization: `Bearer ${await tokenOf('eve', 'boss')}`, 'x-goclaw-tenant-id': other.slug },
  })
  expect(response.status).toBe(200)
})

test('an issuer that is disabled through one gateway is refused by the other, and served again after', async () => {
  const token = await tokenOf('ann')
  for (const [through, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    expect(await statusesOf(token)).toEqual([200, 200])
    await change(through, { enabled: false })
    await becomes(edgesWith(token)[other]!, 401, 200)
    expect(await statusOf(edgesWith(token)[through]!)).toBe(401)
    await change(through, { enabled: true })
    await becomes(edgesWith(token)[other]!, 200, 401)
  }
})

test('another mapping counts at both gateways for tokens that they know already', async () => {
  const boss = edgesWith(await tokenOf('eve', 'boss'))
  const settings = `/v1/system-configs/note`
  const write = (edge: Api) => edge.request('PUT', settings, { value: 'x' })
  for (const edge of boss) expect((await write(edge)).status).toBe(200)
  await change(0, { role_mapping: { staff: 'operator', boss: 'viewer' } })
  for (const edge of boss) await eventually('the refusal', async () => (await write(edge)).status === 403)
  await change(0, { role_mapping: { staff: 'operator', boss: 'admin' } })
  for (const edge of boss) await eventually('the permission', async () => (await write(edge)).status === 200)
})

test('a suspended tenant is closed to its tokens', async () => {
  const token = await tokenOf('ann')
  expect(await statusesOf(token)).toEqual([200, 200])
  for (const [status, answer] of [
    ['suspended', 403],
    ['active', 200],
  ] as const) {
    await owner().need('PATCH', `/v1/tenants/${tenant.id}`, { status })
    for (const edge of edgesWith(token)) await eventually(status, async () => (await statusOf(edge)) === answer)
  }
})

test('a new key of the issuer is believed at once, and one that it withdrew no more once that is known', async () => {
  const old = await tokenOf('ann')
  expect(await statusesOf(old)).toEqual([200, 200])
  await sleep(fetchPauseMs)
  await issuer.rotate('RS256')
  const fresh = await tokenOf('ann')
  for (const edge of edgesWith(fresh)) await eventually('the new key', async () => (await statusOf(edge)) === 200)
  for (const edge of edgesWith(old))
    await eventually('the end of the old key', async () => (await statusOf(edge)) === 401)
})

test(
  'while the issuer is away its tokens go on being served, also by gateways and an identity that start anew',
  async () => {
    issuer.answers = { discovery: 'reset', keys: 'reset' }
    try {
      for (const name of ['gateway-2', 'services-1']) {
        await mesh.kill(name)
        await mesh.restart(name)
      }
      const token = await tokenOf('ann')
      for (const edge of edgesWith(token)) await eventually('an answer', async () => (await statusOf(edge)) === 200)
      const unknown = await issuer.sign({ sub: 'ann', aud: 'clawmesh' }, { key: await issuer.makeKey() })
      // Until a gateway has found the new identity it cannot tell, and says so with 503.
      for (const edge of edgesWith(unknown)) await eventually('the refusal', async () => (await statusOf(edge)) === 401)
    } finally {
      issuer.answers = { discovery: 'ok', keys: 'ok' }
    }
  },
  meshStartLimitMs,
)

test('why a token is refused is in the log of the gateway, and no token is', async () => {
  const good = await tokenOf('ann')
  const late = await issuer.sign({ sub: 'ann', aud: 'clawmesh', exp: 1_000_000_000 })
  for (const token of [good, late]) await statusesOf(token)
  for (const name of ['gateway-1', 'gateway-2'])
    await eventually('the reason', async () => mesh.logs(name).includes('ERR_JWT_EXPIRED'))
  for (const name of mesh.names)
    for (const token of [good, late]) expect(mesh.logs(name)).not.toContain(token.split('.')[2])
})

test('what was done to an issuer is in the activity log of the tenant', async () => {
  const admin = edgesWith(await tokenOf('eve', 'boss'))[0]!
  const { logs } = await eventually('the records', async () => {
    const found = await admin.need<{ logs: { action: string; actor_id: string }[] }>('GET', '/v1/activity')
    return found.logs.some(({ action }) => action === 'oidc_issuer.updated') && found
  })
  expect(logs.find(({ action }) => action === 'oidc_issuer.created')).toMatchObject({ actor_id: ownerId })
})

test('an issuer that is removed is refused', async () => {
  const token = await tokenOf('ann')
  expect(await statusesOf(token)).toEqual([200, 200])
  await mesh.api(1, ownerId).need('DELETE', issuerPath)
  for (const edge of edgesWith(token)) await becomes(edge, 401, 200)
})
