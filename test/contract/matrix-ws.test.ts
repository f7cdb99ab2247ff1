/** Every declared WebSocket method through the edge, with its services in another process: who may, with what, on whose. */
import { randomUUID } from 'node:crypto'
import { apiKeyScopes, mayCall, ws, wsRoutes, type ApiKeyScope, type Role, type WsRoute } from '@clawmesh/contracts'
import { startAllInOne, systemOwnerId, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { connectWs, openWs, type WsClient } from '../support/ws-client.ts'
import { faultsOf, validSample } from './json-samples.ts'

const roleOfScope: Record<ApiKeyScope, Role> = {
  'operator.read': 'viewer',
  'operator.write': 'operator',
  'operator.approvals': 'operator',
  'operator.pairing': 'operator',
  'operator.provision': 'viewer',
  'operator.admin': 'admin',
}

/** What each param of a method names: something of a tenant, or nothing that is stored. A param not listed fails. */
const things = {
  pairingCode: async (admin: WsClient) => {
    const senderId = randomUUID()
    const { code } = await admin.need<{ code: string }>('device.pair.request', { senderId, channel: 'test' })
    return code
  },
  pairedSender: async (admin: WsClient) => {
    const senderId = randomUUID()
    const { code } = await admin.need<{ code: string }>('device.pair.request', { senderId, channel: 'browser' })
    await admin.need('device.pair.approve', { code })
    return senderId
  },
} satisfies Record<string, (admin: WsClient) => Promise<string>>

const thingOfParam: Readonly<Record<string, keyof typeof things | 'nothing'>> = {
  'device.pair.request senderId': 'nothing',
  'device.pair.request channel': 'nothing',
  'device.pair.request chatId': 'nothing',
  'device.pair.request accountId': 'nothing',
  'device.pair.approve code': 'pairingCode',
  'device.pair.approve approvedBy': 'nothing',
  'device.pair.deny code': 'pairingCode',
  'device.pair.revoke senderId': 'pairedSender',
  'device.pair.revoke channel': 'nothing',
}

let mesh: AllInOne
let tenant: TestTenant
let other: TestTenant
const clients: WsClient[] = []

const connect = async (params: object): Promise<WsClient> => {
  const client = await connectWs(mesh.port, params)
  clients.push(client)
  return client
}
const adminOf = ({ keys }: TestTenant) => connect({ token: keys.admin })

beforeAll(async () => {
  mesh = await startAllInOne({}, { apart: true })
  ;[tenant, other] = [await mesh.makeTenant('ws'), await mesh.makeTenant('ws-other')]
})
afterAll(async () => {
  for (const client of clients) client.socket.terminate()
  await mesh.stop()
})

const all = [...wsRoutes.values()].map((route) => [route.name, route] as [string, WsRoute])
/** Those that are about somebody's things, which is all that the services answer. */
const served = all.filter(([, { service }]) => service !== ws.connection.service)
const paramsFor = ({ definition }: WsRoute) => validSample(definition.params) as Record<string, unknown>

test.each(all.filter(([name]) => name !== 'connect'))('%s is refused before connect', async (_name, route) => {
  const client = await openWs(mesh.port)
  for (const params of [paramsFor(route), undefined])
    expect(await client.ask(route.name, params)).toMatchObject({
      ok: false,
      error: { code: params === undefined && route.service === 'gateway' ? expect.any(String) : 'UNAUTHORIZED' },
    })
  await client.close()
})

describe('a role or scope that is too low is refused and named; a sufficient one passes', () => {
  const callers: { who: string; client: WsClient; caller: Parameters<typeof mayCall>[0] }[] = []

  beforeAll(async () => {
    for (const scope of apiKeyScopes) {
      const { secret } = await mesh.makeKey(tenant.id, [scope])
      callers.push({
        who: `key with ${scope}`,
        client: await connect({ token: secret, user_id: systemOwnerId }),
        caller: { role: roleOfScope[scope], scopes: [scope], credential: 'api-key' },
      })
    }
    callers.push({
      who: 'system owner',
      client: await connect({ token: mesh.gatewayToken, user_id: systemOwnerId, tenant_id: tenant.id }),
      caller: { role: 'owner', scopes: [], credential: 'gateway-token' },
    })
  })

  test.each(served)('%s', async (name, route) => {
    const allowed: string[] = []
    for (const { who, client, caller } of callers) {
      const { ok, error } = await client.ask(name, paramsFor(route))
      if (mayCall(caller, route.definition)) {
        allowed.push(who)
        expect({ who, error: error?.code }).toEqual({ who, error: ok ? undefined : expect.stringMatching(/NOT_FOUND/) })
      } else
        expect({ who, error }).toEqual({
          who,
          error: { code: 'UNAUTHORIZED', message: expect.stringContaining(name), retryable: false },
        })
    }
    expect(allowed).toContain('system owner')
    expect(allowed).not.toContain('key with operator.read')
  })
})

test.each(served)('%s: malformed params change nothing and the fault is named', async (name, route) => {
  const admin = await adminOf(tenant)
  const before = await admin.need('device.pair.list')
  const faults = faultsOf(route.definition.params).filter(({ path }) => path.length > 0)
  if (Object.keys(route.definition.params.shape).length > 0) expect(faults.length).toBeGreaterThan(0)
  for (const { what, path, value } of faults) {
    const hidden = what === 'NUL character' || what === 'half a surrogate pair'
    const { ok, error } = await admin.ask(name, value as object)
    expect({ what, path, ok, code: error?.code }).toEqual({ what, path, ok: false, code: 'INVALID_REQUEST' })
    if (!hidden) expect(error!.message).toContain(path[0])
  }
  expect(await admin.need('device.pair.list')).toEqual(before)
})

describe("another tenant's things are not found and stay as they are", () => {
  const params = served.flatMap(([name, { definition }]) =>
    Object.keys(definition.params.shape).map((param) => [name, param] as [string, string]),
  )

  test.each(params)('%s %s', async (name, param) => {
    const thing = thingOfParam[`${name} ${param}`]
    expect({ name, param, thing }).toEqual({ name, param, thing: expect.any(String) })
    if (thing === undefined || thing === 'nothing') return
    const [admin, foreign] = [await adminOf(tenant), await adminOf(other)]
    const id = await things[thing](foreign)
    const before = await foreign.need('device.pair.list')
    const answer = await admin.ask(name, { ...paramsFor(wsRoutes.get(name)!), [param]: id })
    expect(answer).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(await foreign.need('device.pair.list')).toEqual(before)
    expect(JSON.stringify(await admin.need('device.pair.list'))).not.toContain(id)
    // What is one's own is found.
    const own = await things[thing](admin)
    expect(
      await admin.ask(name, { ...paramsFor(wsRoutes.get(name)!), channel: 'browser', [param]: own }),
    ).toMatchObject({
      ok: true,
    })
  })
})

test('an unknown method is told as such, in the language of the connection', async () => {
  const client = await connect({ token: tenant.keys.viewer, locale: 'zh' })
  expect(await client.ask('device.pair.lists')).toMatchObject({
    ok: false,
    error: { code: 'INVALID_REQUEST', message: '未知方法：device.pair.lists' },
  })
})
