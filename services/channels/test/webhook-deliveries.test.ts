/** What becomes of events on their way to webhooks, whatever their receivers do. */
import type { Caller, CloudEvent } from '@clawmesh/contracts'
import { newId, outboxRow } from '@clawmesh/chassis'
import { verified } from '../../../test/fakes/webhook-receiver.ts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { createWebhookSystemRows } from '../src/webhooks/system-rows.ts'
import { newAdmin, path, startWebhooks, updated, type Hook, type WebhookHarness } from './webhook-support.ts'

const timeoutMs = 400
/** Three attempts. */
const pauses = [1, 1]

let mesh: WebhookHarness
const heard: CloudEvent[] = []
beforeAll(async () => {
  mesh = await startWebhooks({ timeoutMs, pauses })
  await consumeEvents(mesh.channels.bus, {
    durable: 'test',
    subject: 'mesh.events.*.channels.webhook.*',
    batchSize: 100,
    handle: async (batch) => void heard.push(...batch),
  })
})
afterAll(() => mesh.stop())

const request = (caller: Caller, method: string, at: string, body?: object) =>
  mesh.channels.request(caller, method, `${path}${at}`, body)
const emit = ({ tenantId }: Caller) => mesh.emit(tenantId, 'agentUpdated', { ...updated, id: newId() })
const sql = (text: string, values: unknown[]) => mesh.channels.mesh.database('channels').system.query(text, values)

type Reply = ReturnType<WebhookHarness['receiver']['rule']>
/** How each webhook's receiver answers. */
const replies = new Map<string, () => Reply>()
const answering = ({ at }: Hook, reply: () => Reply) => {
  replies.set(at, reply)
  mesh.receiver.rule = ({ path: asked }) => replies.get(asked)?.()
}
const always = (hook: Hook, reply: Reply) => answering(hook, () => reply)

rule('createWebhook.sendsWhatMatches', async () => {
  const admin = newAdmin()
  const agents = await mesh.hook(admin, { events: ['clawmesh.agents.agent.*'] })
  const others = await mesh.hook(admin, { events: ['clawmesh.tools.*'] })
  const foreign = await mesh.hook(newAdmin(), { events: ['clawmesh.agents.*'] })
  const id = await emit(admin)
  await mesh.ended(admin, agents, 'delivered')
  const [received, ...more] = mesh.receiver.at(agents.at)
  expect(more).toEqual([])
  expect(received!.headers).toMatchObject({
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': id,
  })
  expect(verified(agents.secret, received!)).toMatchObject({
    specversion: '1.0',
    id,
    type: 'clawmesh.agents.agent.updated',
    tenantid: admin.tenantId,
    data: { actorId: 'ann' },
  })
  expect(await mesh.deliveries(admin, others)).toEqual([])
  expect([mesh.receiver.at(others.at), mesh.receiver.at(foreign.at)]).toEqual([[], []])
})

rule('createWebhook.sendsNothingOlder', async () => {
  const admin = newAdmin()
  const before = outboxRow('agentUpdated', admin.tenantId, { ...updated, id: newId() })
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  // What the bus still has from before.
  const old = { ...(JSON.parse(before.payload) as CloudEvent), time: new Date(Date.now() - 60_000).toISOString() }
  await mesh.channels.bus.publishDurable([{ ...before, payload: JSON.stringify(old) }])
  await request(admin, 'PUT', `/${hook.id}`, { enabled: false })
  const whileOff = outboxRow('agentUpdated', admin.tenantId, { ...updated, id: newId() })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await request(admin, 'PUT', `/${hook.id}`, { enabled: true })
  await mesh.channels.bus.publishDurable([whileOff])
  const id = await emit(admin)
  await mesh.ended(admin, hook, 'delivered')
  expect((await mesh.deliveries(admin, hook)).map(({ event_id }) => event_id)).toEqual([id])
})

rule('createWebhook.sendsOnceAnId', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  let failures = 1
  answering(hook, () => (failures-- > 0 ? { status: 500 } : undefined))
  const event = outboxRow('agentUpdated', admin.tenantId, { ...updated, id: newId() })
  for (let time = 0; time < 3; time++) await mesh.channels.bus.publishDurable([event])
  await mesh.ended(admin, hook, 'delivered')
  await mesh.channels.bus.publishDurable([event])
  const second = await emit(admin)
  await eventually('both', async () => (await mesh.deliveries(admin, hook, '?state=delivered')).length === 2)
  const sent = mesh.receiver.at(hook.at).map(({ headers }) => headers['webhook-id'])
  expect(sent).toEqual([event.id, event.id, second])
})

rule('createWebhook.triesAgain', async () => {
  const admin = newAdmin()
  const faulty = [{ status: 500, body: 'no' }, { fault: 'silence' }, { fault: 'reset' }, { fault: 'garbage' }] as const
  const hooks = await Promise.all(faulty.map(() => mesh.hook(admin, { events: ['clawmesh.agents.*'] })))
  hooks.forEach((hook, at) => always(hook, faulty[at]))
  await emit(admin)
  const ends = await Promise.all(hooks.map((hook) => mesh.ended(admin, hook, 'dead')))
  expect(ends.map(({ attempts, status, error }) => [attempts, status, error])).toEqual([
    [3, 500, 'HTTP 500: no'],
    [3, null, 'no answer in 0.4 s'],
    [3, null, 'the address cannot be reached, or broke off'],
    [3, null, 'the address cannot be reached, or broke off'],
  ])
  expect(mesh.receiver.at(hooks[0]!.at)).toHaveLength(3)
  expect((await request(admin, 'GET', `/${hooks[0]!.id}`)).body).toMatchObject({
    enabled: true,
    failing_since: expect.any(String),
  })
  // One that succeeds ends the time of failing.
  always(hooks[0]!, { status: 200 })
  await emit(admin)
  await mesh.ended(admin, hooks[0]!, 'delivered')
  expect((await request(admin, 'GET', `/${hooks[0]!.id}`)).body).toMatchObject({ failing_since: null })
})

rule('createWebhook.heedsRetryAfter', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { status: 429, headers: { 'retry-after': '3600' } })
  await emit(admin)
  const waiting = await eventually('tried', async () =>
    (await mesh.deliveries(admin, hook)).find(({ attempts }) => attempts === 1),
  )
  const minutes = (Date.parse(waiting.next_attempt_at!) - Date.now()) / 60_000
  expect([waiting.state, Math.round(minutes)]).toEqual(['pending', 60])
})

rule('createWebhook.followsNoRedirects', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { status: 307, headers: { location: `${mesh.receiver.origin}/elsewhere` } })
  await emit(admin)
  expect(await mesh.ended(admin, hook, 'dead')).toMatchObject({
    status: 307,
    error: 'HTTP 307, redirects are not followed',
  })
  expect(mesh.receiver.at('/elsewhere')).toEqual([])
})

rule('createWebhook.readsLittle', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { fault: 'endless' })
  await emit(admin)
  const { status, error } = await mesh.ended(admin, hook, 'dead')
  expect([status, error!.slice(0, 13)]).toEqual([500, 'HTTP 500: xxx'])
  expect(error!.length).toBeLessThan(250)
})

rule('createWebhook.guardsEachCall', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  // A name that led elsewhere when it was stored.
  await sql('UPDATE channels.webhooks SET url = $2 WHERE id = $1', [hook.id, 'https://10.0.0.1/'])
  await emit(admin)
  expect(await mesh.ended(admin, hook, 'dead')).toMatchObject({
    status: null,
    error: expect.stringMatching(/^the address is not allowed/),
  })
})

const disabled = ({ tenantId }: Caller) =>
  eventually('an event of it', async () =>
    heard.find(({ type, tenantid }) => tenantid === tenantId && type === 'clawmesh.channels.webhook.disabled'),
  )

rule('createWebhook.switchesOffWhenGone', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { status: 410 })
  await emit(admin)
  expect(await mesh.ended(admin, hook, 'dead')).toMatchObject({ attempts: 1, status: 410 })
  expect((await disabled(admin)).data).toEqual({ id: hook.id, reason: 'gone' })
  expect((await request(admin, 'GET', `/${hook.id}`)).body).toMatchObject({ enabled: false, disabled_reason: 'gone' })
})

rule('createWebhook.switchesOffWhenFailing', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  const since = (ago: string) =>
    sql(`UPDATE channels.webhooks SET failing_since = now() - $2::interval WHERE id = $1`, [hook.id, ago])
  always(hook, { status: 503 })
  await since('119 hours')
  await emit(admin)
  expect(await mesh.ended(admin, hook, 'dead')).toMatchObject({ attempts: 3 })
  expect((await request(admin, 'GET', `/${hook.id}`)).body).toMatchObject({ enabled: true })
  await since('121 hours')
  await emit(admin)
  expect((await disabled(admin)).data).toEqual({ id: hook.id, reason: 'failing' })
})

rule('createWebhook.sharesPlaces', async () => {
  const slow = newAdmin()
  const quick = newAdmin()
  const hanging = await mesh.hook(slow, { events: ['clawmesh.agents.*'] })
  const answeringWell = await mesh.hook(quick, { events: ['clawmesh.agents.*'] })
  let open = 0
  let most = 0
  answering(hanging, () => {
    most = Math.max(most, ++open)
    setTimeout(() => (open -= 1), timeoutMs)
    return { fault: 'silence' }
  })
  for (let sent = 0; sent < 12; sent++) await emit(slow)
  await emit(quick)
  await mesh.ended(quick, answeringWell, 'delivered')
  expect((await mesh.deliveries(slow, hanging, '?state=dead')).length).toBeLessThan(12)
  expect(most).toBe(4)
})

rule('updateWebhook.endsDeliveriesWhenOff', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { status: 503, headers: { 'retry-after': '2' } })
  await emit(admin)
  await eventually('tried', async () => (await mesh.deliveries(admin, hook))[0]?.attempts === 1)
  await request(admin, 'PUT', `/${hook.id}`, { enabled: false })
  expect(await mesh.ended(admin, hook, 'dead')).toMatchObject({ attempts: 1, error: 'the webhook is switched off' })
})

rule('updateWebhook.startsAfresh', async () => {
  const admin = newAdmin()
  const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
  always(hook, { status: 410 })
  await emit(admin)
  await disabled(admin)
  const { body } = await request(admin, 'PUT', `/${hook.id}`, { enabled: true })
  expect(body).toMatchObject({ enabled: true, disabled_reason: null, failing_since: null })
})

describe('deliveries', () => {
  rule('listWebhookDeliveries.pages', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
    const ids = [await emit(admin), await emit(admin), await emit(admin)]
    await eventually('all', async () => (await mesh.deliveries(admin, hook, '?state=delivered')).length === 3)
    const newestFirst = ids.toReversed()
    expect((await mesh.deliveries(admin, hook)).map(({ event_id }) => event_id)).toEqual(newestFirst)
    expect((await mesh.deliveries(admin, hook, '?limit=1&offset=1')).map(({ event_id }) => event_id)).toEqual([ids[1]])
    const { body } = await request(admin, 'GET', `/${hook.id}/deliveries?state=dead`)
    expect(body).toEqual({ deliveries: [], total: 0, limit: 50, offset: 0, state: undefined })
    expect((await request(admin, 'GET', `/${hook.id}/deliveries`)).body).toMatchObject({ total: 3 })
  })

  rule('listWebhookDeliveries.keepsThem', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { enabled: false })
    const store = (state: string, ago: string) =>
      sql(
        `INSERT INTO channels.webhook_deliveries (id, tenant_id, webhook_id, event_id, event_type, event_time, body, state, ended_at)
         VALUES ($1::uuid, $2, $3, $1::text, 'x', now(), '{}', $4, now() - $5::interval)`,
        [newId(), admin.tenantId, hook.id, state, ago],
      )
    for (const [state, ago] of [
      ['delivered', '7 days'],
      ['delivered', '9 days'],
      ['dead', '29 days'],
      ['dead', '31 days'],
    ] as const)
      await store(state, ago)
    const { system } = mesh.channels.mesh.database('channels')
    await createWebhookSystemRows({ system: { sql: system } }).prune()
    expect((await mesh.deliveries(admin, hook)).map(({ state }) => state).toSorted()).toEqual(['dead', 'delivered'])
  })

  it('that no job carries are found, however long their events are ago', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { enabled: false })
    const id = newId()
    await sql(
      `INSERT INTO channels.webhook_deliveries (id, tenant_id, webhook_id, event_id, event_type, event_time, body, created_at)
       VALUES ($1, $2, $3, 'e', 'x', now(), '{}', now() - interval '3 minutes')`,
      [id, admin.tenantId, hook.id],
    )
    const { system } = mesh.channels.mesh.database('channels')
    const stranded = () => createWebhookSystemRows({ system: { sql: system } }).stranded()
    expect(await stranded()).toEqual([{ id, tenantId: admin.tenantId }])
    await sql('DELETE FROM channels.webhook_deliveries WHERE id = $1', [id])
  })
})

describe('a replay', () => {
  const replay = (admin: Caller, { id }: Hook, body: object) => request(admin, 'POST', `/${id}/replay`, body)

  rule('replayWebhook.sendsOne', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
    const id = await emit(admin)
    const { id: deliveryId } = await mesh.ended(admin, hook, 'delivered')
    expect(await replay(admin, hook, { delivery_id: deliveryId })).toMatchObject({ status: 202, body: { replayed: 1 } })
    await eventually('twice', async () => mesh.receiver.at(hook.at).length === 2)
    expect(mesh.receiver.at(hook.at).map(({ headers }) => headers['webhook-id'])).toEqual([id, id])
    await mesh.ended(admin, hook, 'delivered')
    expect((await replay(admin, hook, { delivery_id: newId() })).status).toBe(404)
    const other = await mesh.hook(admin)
    expect((await replay(admin, other, { delivery_id: deliveryId })).status).toBe(404)
    always(hook, { status: 503, headers: { 'retry-after': '3600' } })
    await emit(admin)
    const { id: waiting } = await mesh.ended(admin, hook, 'pending')
    expect((await replay(admin, hook, { delivery_id: waiting })).body).toEqual({ replayed: 0 })
  })

  rule('replayWebhook.sendsTheDead', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
    await emit(admin)
    await mesh.ended(admin, hook, 'delivered')
    always(hook, { status: 500 })
    await emit(admin)
    await mesh.ended(admin, hook, 'dead')
    await sql(`UPDATE channels.webhook_deliveries SET event_time = now() - interval '1 hour' WHERE webhook_id = $1`, [
      hook.id,
    ])
    const since = new Date(Date.now() - 60_000).toISOString()
    expect((await replay(admin, hook, { since })).body).toEqual({ replayed: 0 })
    always(hook, { status: 200 })
    expect((await replay(admin, hook, {})).body).toEqual({ replayed: 1 })
    await eventually('all', async () => (await mesh.deliveries(admin, hook, '?state=delivered')).length === 2)
    expect((await replay(admin, hook, {})).body).toEqual({ replayed: 0 })
  })

  rule('replayWebhook.needsItOn', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { enabled: false })
    expect((await replay(admin, hook, {})).status).toBe(412)
  })

  rule('replayWebhook.isAudited', async () => {
    const admin = newAdmin()
    const hook = await mesh.hook(admin, { events: ['clawmesh.agents.*'] })
    await emit(admin)
    const { id } = await mesh.ended(admin, hook, 'delivered')
    await replay(admin, hook, { delivery_id: id })
    const event = await eventually('an event', async () =>
      heard.find(({ type, tenantid }) => tenantid === admin.tenantId && type.endsWith('webhook.replayed')),
    )
    expect(event.data).toEqual({ id: hook.id, deliveries: 1, actorId: 'alice' })
  })
})
