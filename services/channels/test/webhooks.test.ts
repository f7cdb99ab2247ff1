/** Webhooks as their tenants see and change them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller, CloudEvent } from '@clawmesh/contracts'
import { newId } from '@clawmesh/chassis'
import { verified } from '../../../test/fakes/webhook-receiver.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { newAdmin, path, startWebhooks, updated, type WebhookHarness } from './webhook-support.ts'

let mesh: WebhookHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  mesh = await startWebhooks({ timeoutMs: 5_000, pauses: [] })
  await consumeEvents(mesh.channels.bus, {
    durable: 'test',
    subject: 'mesh.events.*.channels.webhook.*',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => mesh.stop())

const request = (caller: Caller, method: string, at = '', body?: object) =>
  mesh.channels.request(caller, method, `${path}${at}`, body)
const status = async (...args: Parameters<typeof request>) => (await request(...args)).status
const hookUrl = 'https://example.org/hook'
const announced = async ({ tenantId }: Caller, verb: string) =>
  eventually(`an event ${verb}`, async () =>
    heard.find(({ type, tenantid }) => tenantid === tenantId && type === `clawmesh.channels.webhook.${verb}`),
  )

const operator = testCaller({ role: 'operator' })
it.each([
  [ruleName('createWebhook.isForAdmins'), 'POST', ''],
  [ruleName('updateWebhook.isForAdmins'), 'PUT', `/${newId()}`],
  [ruleName('deleteWebhook.isForAdmins'), 'DELETE', `/${newId()}`],
  [ruleName('rotateWebhookSecret.isForAdmins'), 'POST', `/${newId()}/rotate-secret`],
  [ruleName('testWebhook.isForAdmins'), 'POST', `/${newId()}/test`],
  [ruleName('replayWebhook.isForAdmins'), 'POST', `/${newId()}/replay`],
])('%s', async (_name, method, at) => expect(await status(operator, method, at, {})).toBe(403))

it.each([
  [ruleName('getWebhook.isOfTheTenant'), 'GET', ''],
  [ruleName('updateWebhook.isOfTheTenant'), 'PUT', ''],
  [ruleName('deleteWebhook.isOfTheTenant'), 'DELETE', ''],
  [ruleName('rotateWebhookSecret.isOfTheTenant'), 'POST', '/rotate-secret'],
  [ruleName('testWebhook.isOfTheTenant'), 'POST', '/test'],
  [ruleName('listWebhookDeliveries.isOfTheTenant'), 'GET', '/deliveries'],
  [ruleName('replayWebhook.isOfTheTenant'), 'POST', '/replay'],
])('%s', async (_name, method, at) => {
  const admin = newAdmin()
  const { id } = await mesh.hook(admin)
  const body = method === 'GET' || method === 'DELETE' ? undefined : {}
  expect(await status(newAdmin(), method, `/${id}${at}`, body)).toBe(404)
  expect(await status(admin, method, `/${newId()}${at}`, body)).toBe(404)
  expect(await status(admin, method, `/no-id${at}`, body)).toBe(400)
  expect((await request(admin, 'GET', `/${id}`)).body).toMatchObject({ id, previous_secret_expires_at: null })
})

rule('listWebhooks.pages', async () => {
  const admin = newAdmin()
  const made = [await mesh.hook(admin), await mesh.hook(admin), await mesh.hook(admin)]
  await mesh.hook(newAdmin())
  const ids = async (query: string) =>
    ((await request(admin, 'GET', query)).body as { webhooks: { id: string }[] }).webhooks.map(({ id }) => id)
  expect(await ids('')).toEqual(made.map(({ id }) => id))
  expect(await ids('?limit=1&offset=1')).toEqual([made[1]!.id])
  const { body } = await request(admin, 'GET')
  expect(body).toMatchObject({ total: 3, limit: 50, offset: 0 })
  expect(JSON.stringify(body)).not.toContain('whsec_')
})

describe('what may be stored', () => {
  const refused = [
    'http://example.org/',
    'https://10.0.0.1/',
    'https://metadata.google.internal/',
    'https://u:p@example.org/',
  ]

  it.each([
    [ruleName('createWebhook.checksTheAddress'), 'POST'],
    [ruleName('updateWebhook.checksTheAddress'), 'PUT'],
  ])('%s', async (_name, method) => {
    const admin = newAdmin()
    const at = method === 'POST' ? '' : `/${(await mesh.hook(admin)).id}`
    for (const url of [...refused, 'ftp://example.org/', 'example.org'])
      expect([url, await status(admin, method, at, { url, events: ['*'] })]).toEqual([url, 400])
    for (const url of [hookUrl, `${mesh.receiver.origin}/allowed`])
      expect(await status(admin, method, at, { url, events: ['*'] })).toBe(method === 'POST' ? 201 : 200)
  })

  it.each([
    [ruleName('createWebhook.checksTheEvents'), 'POST'],
    [ruleName('updateWebhook.checksTheEvents'), 'PUT'],
  ])('%s', async (_name, method) => {
    const admin = newAdmin()
    const at = method === 'POST' ? '' : `/${(await mesh.hook(admin)).id}`
    for (const events of [[], ['clawmesh.agents.run'], ['*', 'clawmesh.made.up.*'], ['agent.created']])
      expect([events, await status(admin, method, at, { url: hookUrl, events })]).toEqual([events, 400])
    expect(await status(admin, method, at, { url: hookUrl, events: ['clawmesh.agents.*', '*'] })).toBeLessThan(300)
  })

  rule('createWebhook.limitsTheirNumber', async () => {
    const admin = newAdmin()
    for (let made = 0; made < 50; made++) await mesh.hook(admin, { enabled: false })
    expect(await status(admin, 'POST', '', { url: hookUrl, events: ['*'] })).toBe(409)
    expect(await status(newAdmin(), 'POST', '', { url: hookUrl, events: ['*'] })).toBe(201)
  })
})

describe('a secret', () => {
  const stored = async (id: string) => {
    const { rows } = await mesh.channels.mesh
      .database('channels')
      .system.query<{ row: string }>('SELECT w::text AS row FROM channels.webhooks w WHERE id = $1', [id])
    return rows[0]!.row
  }

  rule('createWebhook.showsTheSecretOnce', async () => {
    const admin = newAdmin()
    const { id, secret } = await mesh.hook(admin)
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const later = [
      await request(admin, 'GET'),
      await request(admin, 'GET', `/${id}`),
      await request(admin, 'PUT', `/${id}`, { description: 'other' }),
    ]
    const bare = secret.slice('whsec_'.length)
    for (const text of [...later.map(({ body }) => JSON.stringify(body)), await stored(id), JSON.stringify(heard)])
      expect(text).not.toContain(bare)
  })

  rule('rotateWebhookSecret.signsWithBoth', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin)
    const rotate = async (body: object) =>
      (await request(admin, 'POST', `/${hook.id}/rotate-secret`, body)).body as {
        secret: string
        previous_secret_expires_at: string | null
      }
    const sent = async () => {
      expect((await request(admin, 'POST', `/${hook.id}/test`, {})).body).toMatchObject({ delivered: true })
      return mesh.receiver.at(hook.at).at(-1)!
    }
    const { secret, previous_secret_expires_at } = await rotate({})
    const hours = (Date.parse(previous_secret_expires_at!) - Date.now()) / 3_600_000
    expect(Math.round(hours)).toBe(24)
    const overlapping = await sent()
    expect(overlapping.headers['webhook-signature']!.split(' ')).toHaveLength(2)
    for (const each of [hook.secret, secret]) expect(() => verified(each, overlapping)).not.toThrow()
    expect((await request(admin, 'GET', `/${hook.id}`)).body).toMatchObject({ previous_secret_expires_at })
    expect(await stored(hook.id)).not.toContain('whsec_')

    await mesh.channels.mesh
      .database('channels')
      .system.query('UPDATE channels.webhooks SET previous_secret_expires_at = now() WHERE id = $1', [hook.id])
    const after = await sent()
    expect(() => verified(secret, after)).not.toThrow()
    expect(() => verified(hook.secret, after)).toThrow('No matching signature')

    const { secret: last } = await rotate({ overlap_hours: 0 })
    const alone = await sent()
    expect(() => verified(last, alone)).not.toThrow()
    expect(() => verified(secret, alone)).toThrow('No matching signature')
  })
})

rule('updateWebhook.writesWhatIsGiven', async () => {
  const admin = newAdmin()
  const { id } = await mesh.hook(admin, { description: 'first' })
  const { body: before } = await request(admin, 'GET', `/${id}`)
  expect((await request(admin, 'PUT', `/${id}`, {})).body).toEqual(before)
  const { body } = await request(admin, 'PUT', `/${id}`, { description: 'second' })
  expect(body).toEqual({ ...before, description: 'second', updated_at: expect.any(String) })
})

rule('testWebhook.tellsTheOutcome', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { enabled: false })
  const test = async () => (await request(admin, 'POST', `/${hook.id}/test`, {})).body
  expect(await test()).toEqual({ delivered: true, status: 204, error: null, duration_ms: expect.any(Number) })
  const [received] = mesh.receiver.at(hook.at)
  expect(verified(hook.secret, received!)).toMatchObject({
    type: 'clawmesh.webhook.test',
    tenantid: admin.tenantId,
    id: received!.headers['webhook-id'],
  })
  mesh.receiver.rule = ({ path: at }) => (at === hook.at ? { status: 418, body: 'tea\u0000\n only' } : undefined)
  expect(await test()).toMatchObject({ delivered: false, status: 418, error: 'HTTP 418: tea only' })
  expect(mesh.receiver.at(hook.at)).toHaveLength(2)
})

describe('the audit log', () => {
  it.each([
    [ruleName('createWebhook.isAudited'), 'created', undefined],
    [ruleName('updateWebhook.isAudited'), 'updated', ['PUT', '', { description: 'new' }]],
    [ruleName('rotateWebhookSecret.isAudited'), 'secret_rotated', ['POST', '/rotate-secret', {}]],
    [ruleName('deleteWebhook.isAudited'), 'deleted', ['DELETE', '', undefined]],
  ] as const)('%s', async (_name, verb, change) => {
    const admin = newAdmin()
    const { id } = await mesh.hook(admin, { enabled: false })
    if (change !== undefined) {
      const [method, at, body] = change
      expect(await status(admin, method, `/${id}${at}`, body)).toBe(200)
    }
    expect((await announced(admin, verb)).data).toEqual({ id, actorId: 'alice' })
  })
})

it('nothing is consumed while no webhook is on', async () => {
  const { system } = mesh.channels.mesh.database('channels')
  await system.query('UPDATE channels.webhooks SET enabled = false')
  const admin = newAdmin()
  const { id } = await mesh.hook(admin, { enabled: false })
  const { query } = system
  const asked: string[] = []
  const spied = (...args: Parameters<typeof query>) => {
    asked.push(String(args[0]))
    return query(...args)
  }
  Object.assign(system, { query: spied })
  try {
    await mesh.emit(admin.tenantId, 'agentUpdated', { ...updated, id: newId() })
    await sleep(50)
    expect(asked.filter((sql) => sql.includes('channels.webhooks') || sql.includes('.jobs'))).toEqual([])
    await request(admin, 'PUT', `/${id}`, { enabled: true })
    await mesh.emit(admin.tenantId, 'agentUpdated', { ...updated, id: newId() })
    expect(asked.some((sql) => sql.includes('AND tenant_id = ANY'))).toBe(true)
  } finally {
    Object.assign(system, { query })
  }
})
