/** Tokens of OIDC issuers over a WebSocket: the same admission, and an end when they no longer hold. */
import { masterTenantId } from '@clawmesh/contracts'
import { fakeOidc, type FakeOidc } from '../../test/fakes/oidc.ts'
import { testIdentity } from '../../test/support/identity.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { openWs, type WsClient } from '../../test/support/ws-client.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

let harness: ServiceHarness
let gateways: StartedGateway[]
let issuer: FakeOidc
let tenantId: string
let issuerPath: string
const clients: WsClient[] = []
const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })

beforeAll(async () => {
  issuer = await fakeOidc()
  harness = await startServices({ services: { identity: testIdentity({ CLAWMESH_OIDC_ALLOW_HTTP: 'true' }) } })
  gateways = [await startGateway(harness.mesh), await startGateway(harness.mesh)]
  const made = async (path: string, body: object) =>
    (await harness.request<{ id: string }>(systemOwner, 'POST', path, body)).body.id
  tenantId = await made('/v1/tenants', { name: 'acme' })
  const path = `/v1/tenants/${tenantId}/oidc-issuers`
  const id = await made(path, { issuer: issuer.issuer, audiences: ['app'], default_role: 'operator' })
  issuerPath = `${path}/${id}`
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  for (const gateway of gateways) await gateway.stop()
  await harness.stop()
  await issuer.close()
})

const open = async (at: number): Promise<WsClient> => {
  const client = await openWs(gateways[at]!.port)
  clients.push(client)
  return client
}
const connect = async (token: string, at = 0) => {
  const client = await open(at)
  const answer = await client.ask('connect', { token, user_id: 'system', tenant_id: 'master' })
  return { client, answer }
}

it('connects as its user in its tenant, whatever else is said', async () => {
  const { answer } = await connect(await issuer.sign({ sub: 'ann', aud: 'app' }))
  expect(answer).toMatchObject({ ok: true, payload: { user_id: 'ann', role: 'operator', tenant_id: tenantId } })
})

it('is refused when it does not hold', async () => {
  const { answer } = await connect(await issuer.sign({ sub: 'ann', aud: 'app', exp: 1 }))
  expect(answer).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
})

it('ends with its issuer on every gateway, and other connections stay', async () => {
  const token = await issuer.sign({ sub: 'ann', aud: 'app' })
  const [first, second] = [await connect(token, 0), await connect(token, 1)]
  const bystander = await connect(gatewayToken, 1)
  await harness.request(systemOwner, 'PATCH', issuerPath, { enabled: false })
  for (const { client } of [first, second]) expect(await client.closed).toMatchObject({ code: 4401 })
  expect(bystander.client.socket.readyState).toBe(bystander.client.socket.OPEN)
})
