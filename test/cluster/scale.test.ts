/** Each service is scaled by itself, and its new pod works within moments. */
import { addReplica, firstTraffic, podsOf, scale } from './pods.ts'
import { ensureRelease, openRelease, type Installed } from './release.ts'
import { startTraffic } from './traffic.ts'

const limitMs = 15_000

let installed: Installed
let traffic: ReturnType<typeof startTraffic>

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
  ['identity', ['requests', 'calls']],
  ['agents', ['requests', 'calls']],
  ['providers', ['requests', 'calls']],
  ['memory', ['requests', 'calls']],
  ['tools', ['requests', 'calls']],
  ['channels', ['requests', 'calls']],
  ['traces', ['requests', 'calls']],
  // Nobody calls it but the edge, with requests of clients.
  ['packages', ['requests']],
] as const)('a new pod of %s has traffic of the mesh within 15 seconds of being ready', async (target, kinds) => {
  const before = (await podsOf(target)).length
  const pod = await addReplica(target)
  try {
    const seen = await firstTraffic(pod, kinds, limitMs)
    process.stdout.write(`${target}: traffic after ${JSON.stringify(seen)} ms\n`)
    expect(Object.keys(seen).toSorted()).toEqual(kinds.toSorted())
  } finally {
    await scale(target, before)
  }
})

test('a new edge has clients within 15 seconds of being ready', async () => {
  const before = (await podsOf('gateway')).length
  const pod = await addReplica('gateway')
  try {
    const seen = await firstTraffic(pod, ['clients'], limitMs)
    process.stdout.write(`gateway: traffic after ${JSON.stringify(seen)} ms\n`)
    expect(Object.keys(seen)).toEqual(['clients'])
  } finally {
    await scale('gateway', before)
  }
})

test('no request over WebSockets was refused while pods came and went', async () => {
  const { answered, lost } = await traffic.stop()
  expect(lost).toEqual([])
  expect(answered).toBeGreaterThan(0)
})
