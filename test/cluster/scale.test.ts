/** Each service is scaled by itself, and its new pod works within moments. */
import { hostAddress } from './kube.ts'
import { addReplica, firstConnections, podsOf, scale } from './pods.ts'
import { ensureRelease, openRelease, type Installed } from './release.ts'
import { startTraffic } from './traffic.ts'

const limitMs = 15_000
const [http, grpc, edge] = [8080, 9090, 18790]

let installed: Installed
let traffic: { stop: () => Promise<void> }

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
  traffic = startTraffic(installed)
})
afterAll(async () => {
  await traffic?.stop()
  await installed?.stop()
})

test.each([
  ['identity', [http, grpc]],
  ['agents', [http, grpc]],
  ['providers', [http, grpc]],
  ['memory', [http, grpc]],
  ['tools', [http, grpc]],
  ['channels', [http, grpc]],
  ['traces', [http, grpc]],
  // Nobody calls it but the edge, over HTTP.
  ['packages', [http]],
])('a new pod of %s has traffic of the mesh within 15 seconds of being ready', async (target, ports) => {
  const before = (await podsOf(target)).length
  const pod = await addReplica(target)
  try {
    const seen = await firstConnections(pod, ports, [hostAddress], limitMs)
    process.stdout.write(`${target}: traffic after ${JSON.stringify(seen)} ms by port\n`)
    expect(Object.keys(seen).map(Number)).toEqual(ports)
  } finally {
    await scale(target, before)
  }
})

test('a new edge has clients within 15 seconds of being ready', async () => {
  const before = (await podsOf('gateway')).length
  const pod = await addReplica('gateway')
  try {
    expect(Object.keys(await firstConnections(pod, [edge], [], limitMs))).toEqual([String(edge)])
  } finally {
    await scale('gateway', before)
  }
})
