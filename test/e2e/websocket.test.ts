/** WebSockets of two gateways as processes, over NATS: events of runs, revocation, pairing, a gateway that leaves. */
import { eventually } from '../support/eventually.ts'
import type { Api } from '../support/mesh-api.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { connectWs, openWs, type WsClient } from '../support/ws-client.ts'

let mesh: Mesh

beforeAll(async () => {
  mesh = await startMesh({
    gateways: 2,
    together: true,
    // No connection may end for the reason that a cached answer was too old.
    env: { CLAWMESH_CACHE_TTL_MS: '600000' },
  })
}, meshStartLimitMs)
afterAll(() => mesh?.stop())

const portOf = (edge: number) => Number(new URL(mesh.edges[edge]!).port)
const connect = (edge: number, params: object) => connectWs(portOf(edge), params)
const owner = (edge: number) => connect(edge, { token: mesh.token, user_id: ownerId })
const admin = (edge = 0): Api => mesh.api(edge, ownerId)
const newKey = (scopes: string[], user: string) =>
  admin().need<{ id: string; key: string }>('POST', '/v1/api-keys', { name: 'ws', scopes, owner_id: user })

const allClosed = async (clients: WsClient[], code: number) => {
  for (const client of clients) expect(await client.closed).toMatchObject({ code })
}

test('a run through one gateway is followed at the other, by its user and by admins, and by nobody else', async () => {
  const [alice, bob] = [await newKey(['operator.write'], 'alice'), await newKey(['operator.write'], 'bob')]
  const [own, boss, other] = [
    await connect(1, { token: alice.key }),
    await owner(1),
    await connect(1, { token: bob.key }),
  ]
  mesh.upstream.next(
    { toolCalls: [{ name: 'list_files', arguments: '{"path":"."}' }] },
    { text: 'nothing there', chunks: 3 },
  )
  const { run_id: runId } = await mesh
    .api(0)
    .as({ token: alice.key })
    .need<{ run_id: string }>('POST', '/v1/agents/default/wake', { message: 'look', session_key: 'agent:default:ws' })
  for (const client of [own, boss]) {
    await client.event('agent', ({ type }: { type: string }) => type === 'run.completed')
    const seen = client.events
      .filter(({ event }) => event === 'agent')
      .map(({ payload }) => payload as { type: string; runId: string; payload?: object })
    expect(seen.every((event) => event.runId === runId)).toBe(true)
    expect(seen[0]!.type).toBe('run.started')
    expect(seen.find(({ type }) => type === 'tool.call')!.payload).toMatchObject({
      name: 'list_files',
      arguments: { path: '.' },
    })
    expect(seen.find(({ type }) => type === 'tool.result')!.payload).toMatchObject({ arguments: { path: '.' } })
    expect(seen.at(-1)!.payload).toMatchObject({ content: 'nothing there' })
    expect(client.events.map(({ seq }) => seq)).toEqual(client.events.map((_, at) => at + 1))
  }
  expect(other.events).toEqual([])
  for (const client of [own, boss, other]) await client.close()
})

test('a key revoked through one gateway closes its connections at both', async () => {
  const { id, key } = await newKey(['operator.write'], 'alice')
  const clients = [await connect(0, { token: key }), await connect(1, { token: key })]
  await admin(0).need('POST', `/v1/api-keys/${id}/revoke`)
  await allClosed(clients, 4401)
})

test('a browser waits at one gateway, is approved through the other, used over HTTP, and revoked', async () => {
  const [browser, boss] = [await openWs(portOf(0)), await owner(1)]
  const pending = await browser.need<{ pairing_code: string; sender_id: string }>('connect', {})
  const { payload } = await boss.event('device.pair.requested')
  expect(payload).toMatchObject({ code: pending.pairing_code, sender_id: pending.sender_id })
  await boss.need('device.pair.approve', { code: pending.pairing_code })
  expect((await browser.event('device.pair.resolved')).payload).toEqual({ action: 'approved' })
  const own = { sender_id: pending.sender_id, user_id: 'alice' }
  await browser.need('connect', own)
  const elsewhere = await connect(1, own)
  const overHttp = (edge: number) =>
    fetch(`${mesh.edges[edge]}/v1/agents`, {
      headers: { 'x-goclaw-sender-id': pending.sender_id, 'x-goclaw-user-id': 'alice' },
    })
  for (const edge of [0, 1]) expect((await overHttp(edge)).status).toBe(200)
  await boss.need('device.pair.revoke', { senderId: pending.sender_id })
  await allClosed([browser, elsewhere], 4401)
  for (const edge of [0, 1]) expect((await overHttp(edge)).status).toBe(401)
  const actions = await eventually('the audit', async () => {
    const { logs } = await admin().need<{ logs: { action: string }[] }>('GET', '/v1/activity?entity_type=pairing')
    return logs.length >= 2 && logs
  })
  expect(actions.map(({ action }) => action).sort()).toEqual(['pairing.approved', 'pairing.revoked'])
  expect(JSON.stringify(actions)).not.toContain(pending.sender_id)
  await boss.close()
})

test('a gateway that leaves says so and closes with 1001; its clients go on at the other', async () => {
  const { key } = await newKey(['operator.pairing'], 'alice')
  const clients = await Promise.all([connect(0, { token: key }), connect(0, { token: key }), openWs(portOf(0))])
  const bystander = await connect(1, { token: key })
  const ended = mesh.kill('gateway-1', 'SIGTERM')
  for (const client of clients) {
    expect(await client.event('shutdown')).toEqual({ type: 'event', event: 'shutdown', seq: 1 })
    expect(await client.closed).toMatchObject({ code: 1001 })
  }
  expect(await ended).toMatchObject({ code: 0 })
  expect(await bystander.ask('device.pair.list')).toMatchObject({ ok: true })
  await (await connect(1, { token: key })).close()
  await bystander.close()
})
