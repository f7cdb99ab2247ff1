/** Every declared WebSocket method through the edge, with its services in another process: who may, with what, on whose. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiKeyScopes, mayCall, wsRoutes, type ApiKeyScope, type Role, type WsRoute } from '@clawmesh/contracts'
import { startAllInOne, systemOwnerId, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { connectWs, openWs, type WsClient } from '../support/ws-client.ts'
import { faultsOf, validSample } from './json-samples.ts'
import { resourceOfField, scopeOfResource } from './routes.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'

const roleOfScope: Record<ApiKeyScope, Role> = {
  'operator.read': 'viewer',
  'operator.write': 'operator',
  'operator.approvals': 'operator',
  'operator.pairing': 'operator',
  'operator.provision': 'viewer',
  'operator.admin': 'admin',
}

/** Things of a tenant that only a WebSocket creates, by the name of the param that names them. */
const things: Readonly<Record<string, (admin: WsClient) => Promise<string>>> = {
  'api_keys.revoke id': async (admin) =>
    (await admin.need<{ id: string }>('api_keys.create', { name: 'thing', scopes: ['operator.read'] })).id,
  ...Object.fromEntries(
    ['update', 'delete', 'toggle', 'status'].map((method) => [
      `cron.${method} jobId`,
      (admin: WsClient) => cronJob(admin),
    ]),
  ),
  'agents.links.update linkId': (admin) => agentLink(admin),
  'agents.links.delete linkId': (admin) => agentLink(admin),
  ...Object.fromEntries(
    ['get', 'update', 'delete'].map((method) => [`usage.caps.${method} id`, (admin: WsClient) => usageCap(admin)]),
  ),
  'device.pair.approve code': (admin) => pairingCode(admin),
  'device.pair.deny code': (admin) => pairingCode(admin),
  'device.pair.revoke senderId': async (admin) => {
    const senderId = randomUUID()
    const { code } = await admin.need<{ code: string }>('device.pair.request', { senderId, channel: 'browser' })
    await admin.need('device.pair.approve', { code })
    return senderId
  },
}
const usageCap = async (admin: WsClient): Promise<string> => {
  const cap = { scope: 'user', subject: 'nobody', metric: 'runs', period: 'day', amount: 1 }
  return (await admin.need<{ cap: { id: string } }>('usage.caps.create', cap)).cap.id
}
const everyHour = { name: 'job', message: 'go', schedule: { kind: 'every', everyMs: 3_600_000 } }
const cronJob = async (admin: WsClient): Promise<string> =>
  (await admin.need<{ job: { id: string } }>('cron.create', everyHour)).job.id
const newAgent = async (admin: WsClient): Promise<string> => {
  const params = { name: `agent ${randomUUID()}`, agent_type: 'predefined' }
  return (await admin.need<{ agentId: string }>('agents.create', params)).agentId
}
const agentLink = async (admin: WsClient): Promise<string> => {
  const [sourceAgent, targetAgent] = [await newAgent(admin), await newAgent(admin)]
  return (await admin.need<{ link: { id: string } }>('agents.links.create', { sourceAgent, targetAgent })).link.id
}
const pairingCode = async (admin: WsClient): Promise<string> => {
  const { code } = await admin.need<{ code: string }>('device.pair.request', {
    senderId: randomUUID(),
    channel: 'test',
  })
  return code
}
/** Params that look like names of things, but name nothing that is stored. */
const newNames: readonly string[] = [
  // Filters a list, as over HTTP.
  'usage.caps.utilization cap_id',
  'device.pair.request senderId',
  'device.pair.request chatId',
  'device.pair.request accountId',
  'tenants.create slug',
  // Each tenant has session keys of its own; one that is not there is made.
  'chat.send sessionKey',
  'chat.inject sessionKey',
  // An unknown run is no fault; that one of another tenant is unknown is pinned in services/agents/test/chat-ws.test.ts.
  'chat.abort runId',
  'sessions.branch newKey',
  // Nothing waits here; that what waits for another tenant is unknown is pinned in services/tools/test/exec-approvals.test.ts.
  'exec.approval.approve id',
  'exec.approval.deny id',
  'exec.approval.revoke id',
  // That what is asked of others is unknown is pinned in services/tools/test/mcp-elicitation.test.ts.
  'mcp.elicitation.answer id',
  // A chat on a platform; the targets are those of the tenant, whatever the agent.
  'heartbeat.set chatId',
  'heartbeat.targets agentId',
  // Says which agent is meant, by the name in it.
  'agent.wait sessionKey',
  'agent.identity.get sessionKey',
  'config.get key',
  // Users who are to own an agent.
  'agents.create owner_ids',
  'config.patch key',
  // Who is granted something is not looked up.
  // What is not there is refused as an invalid request, or has no log.
  'cron.run jobId',
  'cron.runs jobId',
  'cron.logs jobId',
  // Somebody on a chat platform.
  'config.permissions.grant userId',
  'config.permissions.revoke userId',
  'browser.act targetId',
  'browser.snapshot targetId',
  'browser.screenshot targetId',
]
/** Params that name things of the installation, which only its owners reach. */
const ofInstallation: readonly string[] = ['tenants.get id', 'tenants.update id']
/** Params that a method needs beside those that its schema requires. */
const neededParams: Readonly<Record<string, object>> = {
  'tenants.update': { name: 'renamed' },
  'cron.create': everyHour,
  'agents.links.update': { description: 'changed' },
  'config.apply': { raw: '{}' },
  'config.patch': { raw: '{}' },
}
/** Methods of tools that the installation of these tests does not have. */
const withoutTheirTool: readonly string[] = [
  'browser.act',
  'browser.snapshot',
  'browser.screenshot',
  'tts.enable',
  'tts.convert',
]
/** Methods that also ask for ownership, or for more than their schema does. */
const asksMore = /^(cron\.|agents\.files\.set$)/
const looksLikeName = /(^|_)(id|key|slug|code)s?$|[a-z](Id|ID|Key|Slug|Code)s?$/

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
const ownerIn = ({ id }: TestTenant) => connect({ token: mesh.gatewayToken, user_id: systemOwnerId, tenant_id: id })
/** Whoever may call a method with the least effort. */
const mayAsk = (tenant: TestTenant, { definition }: WsRoute) =>
  definition.role === 'owner' ? ownerIn(tenant) : adminOf(tenant)

beforeAll(async () => {
  mesh = await startAllInOne({}, { apart: true })
  ;[tenant, other] = [await mesh.makeTenant('ws'), await mesh.makeTenant('ws-other')]
})
afterAll(async () => {
  for (const client of clients) client.socket.terminate()
  await mesh.stop()
})

const all = [...wsRoutes.values()].map((route) => [route.name, route] as [string, WsRoute])
/** Those that ask for a role. */
const served = all.filter(([, { definition }]) => definition.role !== 'public')
const paramsFor = ({ name, definition }: WsRoute): Record<string, unknown> => ({
  ...(validSample(definition.params) as object),
  ...neededParams[name],
})

test.each(all.filter(([name]) => name !== 'connect'))('%s is refused before connect', async (_name, route) => {
  const client = await openWs(mesh.port)
  for (const params of [paramsFor(route), undefined])
    expect(await client.ask(route.name, params)).toMatchObject({
      ok: false,
      error: { code: params === undefined && route.service === 'gateway' ? expect.any(String) : 'UNAUTHORIZED' },
    })
  await client.close()
})

/** Roles that a key for reading does not have. */
const beyondReaders: readonly string[] = ['operator', 'admin', 'owner'] satisfies Role[]

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
      client: await ownerIn(tenant),
      caller: { role: 'owner', scopes: [], credential: 'gateway-token' },
    })
  })

  test.each(served)('%s', async (name, route) => {
    const allowed: string[] = []
    for (const { who, client, caller } of callers) {
      const { ok, error } = await client.ask(name, paramsFor(route))
      if (mayCall(caller, route.definition)) {
        allowed.push(who)
        // The tenant has no provider, so no run gets far.
        const isNotReady = route.definition.startsRun === true || withoutTheirTool.includes(name)
        const faults = isNotReady
          ? /FAILED_PRECONDITION/
          : asksMore.test(name)
            ? /NOT_FOUND|UNAUTHORIZED|INVALID_REQUEST/
            : /NOT_FOUND|ALREADY_EXISTS/
        expect({ who, error: error?.code }).toEqual({ who, error: ok ? undefined : expect.stringMatching(faults) })
      } else
        expect({ who, error }).toEqual({
          who,
          error: { code: 'UNAUTHORIZED', message: expect.stringContaining(name), retryable: false },
        })
    }
    expect(allowed).toContain('system owner')
    if (beyondReaders.includes(route.definition.role)) expect(allowed).not.toContain('key with operator.read')
  })
})

/** Waits where a connection asks more than it may at once. */
const patientAsk = async (client: WsClient, method: string, params?: object): ReturnType<WsClient['ask']> => {
  for (;;) {
    const answer = await client.ask(method, params)
    if (answer.error?.code !== 'RESOURCE_EXHAUSTED') return answer
    await sleep(answer.error.retryAfterMs)
  }
}

test.each(served)('%s: malformed params change nothing and the fault is named', async (name, route) => {
  const admin = await mayAsk(tenant, route)
  const before = await admin.need('device.pair.list')
  const faults = faultsOf(route.definition.params).filter(({ path }) => path.length > 0)
  if (Object.keys(route.definition.params.shape).length > 0) expect(faults.length).toBeGreaterThan(0)
  for (const { what, path, value } of faults) {
    const hidden = what === 'NUL character' || what === 'half a surrogate pair'
    const { ok, error } = await patientAsk(admin, name, value as object)
    expect({ what, path, ok, code: error?.code }).toEqual({ what, path, ok: false, code: 'INVALID_REQUEST' })
    if (!hidden) expect(error!.message).toContain(path[0])
  }
  expect((await patientAsk(admin, 'device.pair.list')).payload).toEqual(before)
})

/** What an answer says beside the id that was asked for. */
const contentOf = ({ ok, payload, error }: Awaited<ReturnType<WsClient['ask']>>, id: string): string =>
  JSON.stringify({ ok, payload, error }).replaceAll(id, '')

describe("another tenant's things are not found and stay as they are", () => {
  const params = served.flatMap(([name, { definition }]) =>
    Object.keys(definition.params.shape).map((param) => [name, param] as [string, string]),
  )
  const foreignCases = params.filter(([name, param]) => Object.hasOwn(things, `${name} ${param}`))
  const listedCases = params.filter(
    ([name, param]) =>
      !Object.hasOwn(things, `${name} ${param}`) &&
      !newNames.includes(`${name} ${param}`) &&
      Object.hasOwn(resourceOfField, param),
  )

  test('every param that looks like a name stands for something known', () => {
    const known = new Set([...foreignCases, ...listedCases].map(([name, param]) => `${name} ${param}`))
    const unknown = params
      .filter(([, param]) => looksLikeName.test(param))
      .map(([name, param]) => `${name} ${param}`)
      .filter((param) => ![...known, ...newNames, ...ofInstallation].includes(param))
    expect(unknown).toEqual([])
  })

  test.each(foreignCases)('%s %s', async (name, param) => {
    const make = things[`${name} ${param}`]!
    const [admin, foreign] = [await adminOf(tenant), await adminOf(other)]
    const id = await make(foreign)
    const before = await foreign.need('device.pair.list')
    const answer = await admin.ask(name, { ...paramsFor(wsRoutes.get(name)!), [param]: id })
    expect(answer).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(await foreign.need('device.pair.list')).toEqual(before)
    expect(JSON.stringify(await admin.need('device.pair.list'))).not.toContain(id)
    // What is one's own is found.
    const own = await make(admin)
    expect(
      await admin.ask(name, { ...paramsFor(wsRoutes.get(name)!), channel: 'browser', [param]: own }),
    ).toMatchObject({
      ok: true,
    })
  })

  describe('as over HTTP', () => {
    let theirs: FullTenant
    let admin: WsClient
    beforeAll(async () => {
      theirs = await makeFullTenant(mesh, 'ws-theirs')
      admin = await adminOf(tenant)
    })

    test.each(listedCases)('%s %s', async (name, param) => {
      for (const id of theirs.ids[resourceOfField[param]!]) {
        const others = paramsFor(wsRoutes.get(name)!)
        const answer = await patientAsk(admin, name, { ...others, [param]: id })
        expect(JSON.stringify(answer)).not.toContain(theirs.marker)
        // What narrows a list finds nothing, anything else is not found: told apart in nothing from an id that nobody has.
        if (scopeOfResource(resourceOfField[param]!) === 'tenant') {
          const nobodys = randomUUID()
          const unseen = await patientAsk(admin, name, { ...others, [param]: nobodys })
          expect(contentOf(answer, id)).toEqual(contentOf(unseen, nobodys))
        }
      }
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
