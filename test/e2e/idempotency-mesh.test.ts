/** Idempotency keys between processes: two gateways over gRPC, one of which is killed, and identity going away. */
import { newId } from '@clawmesh/chassis'
import { meshStartLimitMs, startMesh, type Mesh } from '../support/mesh-processes.ts'
import { eventually } from '../support/eventually.ts'

let mesh: Mesh
beforeAll(async () => {
  mesh = await startMesh({ gateways: 2, together: true, env: { CLAWMESH_IDEMPOTENCY_LEASE_MS: '4000' } })
}, meshStartLimitMs)
afterAll(() => mesh.stop())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const wake = (edge: number, key: string) =>
  fetch(`${mesh.edges[edge]}/v1/agents/default/wake`, {
    method: 'POST',
    headers: { ...mesh.api().headers, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ message: 'hello' }),
  })
const asked = () => mesh.upstream.requests.length

test('of the same request at both gateways at once one runs, and both answer the same afterwards', async () => {
  const key = newId()
  const before = asked()
  mesh.upstream.next({ text: 'once', headerDelayMs: 4_000 })
  const statuses = (await Promise.all([0, 1, 0, 1].map((edge) => wake(edge, key)))).map(({ status }) => status)
  expect(statuses.toSorted()).toEqual([200, 409, 409, 409])
  const [one, other] = await Promise.all([wake(0, key), wake(1, key)])
  expect([one.status, await one.text()]).toEqual([other.status, await other.text()])
  expect(other.headers.get('idempotency-replayed')).toBe('true')
  expect(asked() - before).toBe(1)
})

test('the key of a gateway that was killed in the middle of a run is free after the lease', async () => {
  const key = newId()
  const before = asked()
  mesh.upstream.next({ text: 'lost', headerDelayMs: 600_000 })
  const lost = wake(0, key).catch(() => undefined)
  while (asked() === before) await pause(20)
  await mesh.kill('gateway-1')
  await lost
  expect((await wake(1, key)).status).toBe(409)
  const again = await eventually('an answer', async () => {
    const { status } = await wake(1, key)
    return status !== 409 && status
  })
  expect(again).toBe(200)
})

test('a stream whose agents are killed ends with an error, which its key does not keep', async () => {
  const stream = (key: string) =>
    fetch(`${mesh.edges[1]}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...mesh.api().headers, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ model: 'goclaw:default', messages: [{ role: 'user', content: 'hello' }], stream: true }),
    })
  const key = newId()
  mesh.upstream.next({ text: 'one two three four five', chunks: 5, chunkDelayMs: 2_000 })
  const begun = await stream(key)
  await mesh.kill('agents-1')
  expect(await begun.text()).toMatch(/^data: .*\n\n+data: \{"error":\{.*"code":"UNAVAILABLE".*\}\n\n$/s)
  await mesh.restart('agents-1')
  const again = await stream(key)
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, null])
  expect(await again.text()).toContain('[DONE]')
})

test('without identity a request with a key is refused and runs nothing', async () => {
  const before = asked()
  await mesh.kill('services-1')
  const refused = await wake(1, newId())
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0, asked() - before]).toEqual([503, true, 0])
})
