/** A browser that an admin has let in, at the edge over a real identity service. */
import { callerOf, createIdentityTokens, newId, type HttpHandler } from '@clawmesh/chassis'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { createAuthenticator } from '../src/admission/authenticate.ts'
import { readCredentials } from '../src/admission/credentials.ts'
import { testIdentity } from '../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { listedLookups } from './support/lookups.ts'

let harness: ServiceHarness
let gateways: StartedGateway[]

const mirror: HttpHandler = (request, response) =>
  void callerOf(request, createIdentityTokens('nobody signs tokens with this')).then((caller) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(caller)),
  )

beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    standIns: [{ name: 'traces', http: mirror, parts: [] }],
  })
  gateways = [await startGateway(harness.mesh), await startGateway(harness.mesh)]
})
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop()
  await harness.stop()
})

const owner = (tenantId = masterTenantId) =>
  testCaller({ role: 'owner', tenantId, userId: 'system', credential: 'gateway-token' })
const method = (tenantId: string, name: string, params: object) =>
  harness.mesh
    .methods('identity')
    .callMethod(harness.call(owner(tenantId)), { method: name, paramsJson: JSON.stringify(params) })

const pairedWith = async (tenantId: string): Promise<string> => {
  const asked = await harness
    .rpc(IdentityServiceService)
    .requestPairing(harness.call(owner()), { tenantId, senderId: '', connectionId: newId() })
  await method(tenantId, 'device.pair.approve', { code: asked.code })
  return asked.senderId
}
const ask = async (headers: Record<string, string>, gateway = 0) => {
  const { status, json } = await call(gateways[gateway]!.port, '/v1/traces', { headers })
  return { status, ...(json() as unknown as Caller & { code?: string }) }
}
const sender = (id: string) => ({ 'x-goclaw-sender-id': id })

it('is an operator of the master tenant', async () => {
  const id = await pairedWith(masterTenantId)
  const expected = { status: 200, tenantId: masterTenantId, role: 'operator', credential: 'paired-device', scopes: [] }
  expect(await ask(sender(id))).toMatchObject(expected)
  expect(await ask({ ...sender(id), 'x-goclaw-user-id': 'alice' })).toMatchObject({ ...expected, userId: 'alice' })
})

it('speaks for the first user that it names, at every edge, and for nobody else', async () => {
  const id = await pairedWith(masterTenantId)
  expect(await ask(sender(id))).toMatchObject({ status: 200, userId: '', userBound: true })
  expect(await ask({ ...sender(id), 'x-goclaw-user-id': 'alice' })).toMatchObject({ userId: 'alice', userBound: true })
  for (const at of [0, 1]) {
    expect(await ask(sender(id), at)).toMatchObject({ status: 200, userId: 'alice' })
    expect(await ask({ ...sender(id), 'x-goclaw-user-id': 'system' }, at)).toMatchObject({
      status: 403,
      code: 'UNAUTHORIZED',
      error: 'this credential speaks for user alice only',
    })
  }
})

it.each(['Bearer wrong', 'Bearer ', 'Bearer null', 'bearer x', `Bearer ${'x'.repeat(10_000)}`])(
  'is refused with a credential that does not hold: %.20s',
  async (authorization) => {
    const id = await pairedWith(masterTenantId)
    expect(await ask({ ...sender(id), authorization })).toMatchObject({ status: 401 })
  },
)

it('gets no further than a credential that holds', async () => {
  const id = await pairedWith(masterTenantId)
  expect(await ask({ ...sender(id), ...bearer(gatewayToken) })).toMatchObject({ role: 'admin' })
})

it.each(['unknown', '', 'x'.repeat(201), 'null'])('named %j is refused', async (id) => {
  expect(await ask(sender(id))).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
})

it('is in where it was let in: a member of another tenant stays out of that with it', async () => {
  const tenants = await Promise.all(
    ['here', 'there'].map(async (name) => {
      const { body } = await harness.request<{ id: string; slug: string }>(owner(), 'POST', '/v1/tenants', { name })
      await harness.request(owner(), 'POST', `/v1/tenants/${body.id}/users`, { user_id: 'alice', role: 'member' })
      return body
    }),
  )
  const [here, there] = tenants as [{ id: string; slug: string }, { id: string; slug: string }]
  const id = await pairedWith(here.id)
  const as = (tenant: string, user = 'alice') =>
    ask({ ...sender(id), 'x-goclaw-tenant-id': tenant, 'x-goclaw-user-id': user })
  expect(await as(here.slug, 'mallory')).toMatchObject({ status: 403, code: 'TENANT_ACCESS_REVOKED' })
  // Nobody was bound to it by that.
  expect(await as(here.slug)).toMatchObject({ status: 200, tenantId: here.id, role: 'operator' })
  expect(await as(there.slug)).toMatchObject({ status: 401 })
  expect(await ask(sender(id))).toMatchObject({ status: 401 })
})

it('is let in at once when approved and refused at once when revoked, by every edge', async () => {
  const asked = await harness
    .rpc(IdentityServiceService)
    .requestPairing(harness.call(owner()), { tenantId: masterTenantId, senderId: '', connectionId: newId() })
  for (const at of [0, 1]) expect(await ask(sender(asked.senderId), at)).toMatchObject({ status: 401 })
  await method(masterTenantId, 'device.pair.approve', { code: asked.code })
  for (const at of [0, 1]) expect(await ask(sender(asked.senderId), at)).toMatchObject({ status: 200 })
  await method(masterTenantId, 'device.pair.revoke', { senderId: asked.senderId })
  for (const at of [0, 1]) expect(await ask(sender(asked.senderId), at)).toMatchObject({ status: 401 })
})

describe('at the ladder', () => {
  const authenticate = createAuthenticator(
    { token: 'secret', ownerIds: () => ['system'] },
    {
      ...listedLookups({
        pairings: { [`${masterTenantId} late`]: Date.now() - 1, [`${masterTenantId} good`]: Date.now() + 60_000 },
      }),
    },
  )

  it('an expired pairing counts for nothing though a cache still has it', async () => {
    await expect(authenticate(readCredentials(sender('good')))).resolves.toMatchObject({ credential: 'paired-device' })
    await expect(authenticate(readCredentials(sender('late')))).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('a lookup that fails counts as not paired', async () => {
    const lookups = { ...listedLookups({}), pairing: () => Promise.reject(new Error('away')) }
    await expect(
      createAuthenticator({ token: 'secret', ownerIds: () => [] }, lookups)(readCredentials(sender('good'))),
    ).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })
})
