/** Health, status and logs over WebSocket, on two edges that stand side by side. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger, newId, serveLogs, tailOf, type Logger } from '@clawmesh/chassis'
import { masterTenantId, type ApiKeyScope } from '@clawmesh/contracts'
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { fakeRpc } from '../../test/support/fake-rpc.ts'
import { testIdentity } from '../../test/support/identity.ts'
import { rule } from '../../test/support/rule.ts'
import { startServices, testCaller, type ServiceHarness } from '../../test/support/service-harness.ts'
import { connectWs, type WsClient } from '../../test/support/ws-client.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'

let harness: ServiceHarness
let edges: StartedGateway[]
let toolsAreAway = false
const clients: WsClient[] = []

const tool = { name: 'read_file', description: '', parametersJson: '{}' }
beforeAll(async () => {
  harness = await startServices({
    services: { identity: testIdentity() },
    standIns: [
      fakeRpc(ToolsServiceService, {
        listTools: async () => {
          if (toolsAreAway) throw new Error('away')
          return { tools: [tool, tool, tool], ofUser: false }
        },
      }),
      fakeRpc(StatusServiceService, {
        getStatus: async ({ caller }) => ({
          running: [{ agentKey: `of-${caller.tenantId}`, model: 'gpt-4o' }],
          agents: 4,
          sessions: 9,
        }),
      }),
    ],
  })
  const edge = () => startGateway(harness.mesh, { CLAWMESH_GATEWAY_REPLICAS: '2' })
  edges = [await edge(), await edge()]
})
afterAll(async () => {
  for (const edge of edges) await edge.stop()
  await harness.stop()
})
afterEach(async () => {
  toolsAreAway = false
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

const systemOwner = testCaller({ role: 'owner', tenantId: masterTenantId, tenantSlug: 'master', userId: 'system' })
const newTenant = async () =>
  (await harness.request<{ id: string }>(systemOwner, 'POST', '/v1/tenants', { name: `t ${newId()}` })).body.id
const newKey = async (tenantId: string, scope: ApiKeyScope, ownerId?: string) => {
  const body = {
    name: 'k',
    scopes: [scope],
    tenant_id: tenantId,
    ...(ownerId === undefined ? {} : { owner_id: ownerId }),
  }
  return (await harness.request<{ key: string }>(systemOwner, 'POST', '/v1/api-keys', body)).body.key
}
const connect = async (params: object, at = 0): Promise<WsClient> => {
  const client = await connectWs(edges[at]!.port, params)
  clients.push(client)
  return client
}
const connectOwner = (at = 0) => connect({ token: gatewayToken, user_id: 'system' }, at)
const connectAs = async (tenantId: string, scope: ApiKeyScope, { user = '', at = 0 } = {}) =>
  connect({ token: await newKey(tenantId, scope, user || undefined) }, at)

interface Health {
  currentId: string
  clients: { id: string; userId: string; role: string; remoteAddr: string; connectedAt: string }[]
  tools: number
}
const health = (client: WsClient) => client.need<Health>('health')
const usersOf = ({ clients: listed }: Health) => listed.map(({ userId }) => userId).sort()

describe('health', () => {
  rule('health.tellsHowItIs', async () => {
    const client = await connectOwner()
    const answer = await health(client)
    expect(answer).toMatchObject({
      status: 'ok',
      version: expect.any(String),
      uptime: expect.any(Number),
      mode: 'managed',
      database: 'ok',
      tools: 3,
    })
    toolsAreAway = true
    expect(await health(client)).toMatchObject({ status: 'ok', tools: 0 })
  })

  rule('health.showsClientsByRole', async () => {
    const [tenant, other] = [await newTenant(), await newTenant()]
    const admin = await connectAs(tenant, 'operator.admin', { user: 'ann' })
    const viewer = await connectAs(tenant, 'operator.read', { user: 'vic' })
    const nobody = await connectAs(tenant, 'operator.read')
    await connectAs(other, 'operator.admin', { user: 'otto' })
    expect(usersOf(await health(admin))).toEqual(['', 'ann', 'vic'])
    const own = await health(viewer)
    expect(own.clients).toMatchObject([{ id: own.currentId, userId: 'vic', role: 'viewer', remoteAddr: '127.0.0.1' }])
    const alone = await health(nobody)
    expect(alone.clients.map(({ id }) => id)).toEqual([alone.currentId])
    const all = usersOf(await health(await connectOwner()))
    expect(all).toEqual(expect.arrayContaining(['ann', 'otto', 'system', 'vic']))
  })

  rule('health.asksAllEdges', async () => {
    const tenant = await newTenant()
    const admin = await connectAs(tenant, 'operator.admin', { user: 'ann', at: 0 })
    const there = await connectAs(tenant, 'operator.read', { user: 'far', at: 1 })
    expect(usersOf(await health(admin))).toEqual(['ann', 'far'])
    await there.close()
    expect(usersOf(await health(admin))).toEqual(['ann'])
  })
})

rule('status.countsTheTenants', async () => {
  const [tenant, other] = [await newTenant(), await newTenant()]
  const viewer = await connectAs(tenant, 'operator.read', { at: 0 })
  await connectAs(tenant, 'operator.read', { at: 1 })
  await connectAs(other, 'operator.read', { at: 1 })
  expect(await viewer.need('status')).toEqual({
    agents: [{ id: `of-${tenant}`, model: 'gpt-4o', isRunning: true }],
    agentTotal: 4,
    clients: 2,
    sessions: 9,
  })
})

describe('logs', () => {
  /** Another process of the mesh, which logs at every level. */
  let log: Logger
  let stop: () => void
  beforeEach(() => {
    log = createLogger({ level: 'debug', name: 'elsewhere', stream: { write: () => undefined } })
    stop = serveLogs(harness.bus, tailOf(log)!)
  })
  afterEach(() => stop())

  interface Logged {
    level: string
    message: string
    source?: string
    attrs?: Record<string, string>
  }
  const logged = ({ events }: WsClient) =>
    events.filter(({ event }) => event === 'log').map(({ payload }) => payload as Logged)
  const messages = (client: WsClient) => logged(client).map(({ message }) => message)
  const heard = (client: WsClient, text: string) => client.event('log', ({ message }: Logged) => message === text)

  rule('logs.tail.replaysTheLast', async () => {
    for (let at = 0; at < 130; at++) log.info(`before ${at}`)
    log.debug('too fine')
    const owner = await connectOwner()
    expect(await owner.need('logs.tail')).toEqual({ status: 'tailing', level: 'info' })
    log.warn({ part: 'bus', attempt: 2 }, 'after')
    await heard(owner, 'after')
    expect(messages(owner)).toEqual([
      ...Array.from({ length: 100 }, (_, at) => `before ${at + 30}`),
      'tailing at info',
      'after',
    ])
    expect(logged(owner)[100]).toMatchObject({ level: 'info', source: 'gateway' })
    expect(logged(owner).at(-1)).toMatchObject({ level: 'warn', source: 'bus', attrs: { attempt: '2' } })
  })

  rule('logs.tail.changesTheLevel', async () => {
    const owner = await connectOwner()
    await owner.need('logs.tail', { action: 'start', level: 'error' })
    log.warn('not severe')
    log.error('severe')
    await heard(owner, 'severe')
    await owner.need('logs.tail', { level: 'debug' })
    log.debug('fine')
    await heard(owner, 'fine')
    expect(messages(owner)).toEqual(['tailing at error', 'severe', 'not severe', 'severe', 'tailing at debug', 'fine'])
    expect(await owner.need('logs.tail', { action: 'stop' })).toEqual({ status: 'stopped' })
    const before = logged(owner).length
    const other = await connectOwner()
    await other.need('logs.tail')
    log.error('for the other')
    await heard(other, 'for the other')
    expect(logged(owner)).toHaveLength(before)
    await other.need('connect', { token: gatewayToken, user_id: 'system' })
    const third = await connectOwner()
    await third.need('logs.tail')
    log.error('for the third')
    await heard(third, 'for the third')
    expect(messages(other)).not.toContain('for the third')
  })

  rule('logs.tail.showsAdminsTheirTenants', async () => {
    const [tenant, other] = [await newTenant(), await newTenant()]
    log.warn({ tenantId: other }, 'earlier, of another')
    log.warn({ tenant }, 'earlier, their own')
    const admin = await connectAs(tenant, 'operator.admin')
    await admin.need('logs.tail')
    log.warn("nobody's")
    log.warn({ tenantId: other }, 'of another')
    log.warn({ tenantId: tenant }, 'their own')
    await heard(admin, 'their own')
    expect(messages(admin)).toEqual(['earlier, their own', 'tailing at info', 'their own'])
    const viewer = await connectAs(tenant, 'operator.read')
    expect(await viewer.ask('logs.tail')).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
  })

  rule('logs.tail.narrowsToAnAgent', async () => {
    const owner = await connectOwner()
    const agentId = newId()
    log.info({ agentId: newId() }, 'another')
    await owner.need('logs.tail', { agent_id: agentId })
    log.info('no agent')
    log.info({ agentId }, 'this one')
    await heard(owner, 'this one')
    expect(messages(owner)).toEqual(['tailing at info', 'this one'])
  })

  rule('logs.tail.hidesSecrets', async () => {
    const owner = await connectOwner()
    await owner.need('logs.tail')
    const secret = `sk-${'a1b2c3d4'.repeat(4)}`
    const names = [
      'myKey',
      'access_token',
      'clientSecret',
      'db_password',
      'DSN',
      'credentials',
      'authorizations',
      'cookies',
    ]
    log.info(
      { ...Object.fromEntries(names.map((name) => [name, 'plain'])), deep: { token: 'plain' } },
      `with ${secret}`,
    )
    log.info({ url: `https://u:${secret}@host/` }, 'last')
    await heard(owner, 'last')
    const [first, second] = logged(owner).slice(-2)
    for (const name of names) expect([name, first!.attrs![name]]).toEqual([name, '***'])
    expect(first!.attrs!['deep']).toBe('{"token":"***"}')
    expect(JSON.stringify([first, second])).not.toContain(secret)
  })

  it('is sent to nobody while nobody watches', async () => {
    const sent: unknown[] = []
    const unsubscribe = harness.bus.subscribe('mesh.logs.records', (message) => void sent.push(message))
    log.error('unheard')
    await sleep(200)
    unsubscribe()
    expect(sent).toEqual([])
  })
})
