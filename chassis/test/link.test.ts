/** Links between processes: who may open one, where calls go, what happens as replicas come and go. */
import { setTimeout as pause } from 'node:timers/promises'
import { Client, credentials, Metadata, status, type StatusObject } from '@grpc/grpc-js'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { LinkServiceService } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'
import { encodeBatch, type Frame } from '../src/link/codec.ts'
import { createIdentityTokens } from '../src/index.ts'
import { metricsRegistry } from '../src/lifecycle/probes.ts'
import { watchPool } from '../src/link/metrics.ts'
import { resolveTarget } from '../src/link/resolve.ts'
import {
  callOf,
  chatAs,
  deltaOf,
  fileOf,
  foundAgent,
  linkCaller,
  linkTo,
  linkTokens,
  startReplica,
  textOf,
  type LinkClient,
  type Replica,
  type ReplicaOptions,
} from '../../test/support/link-replicas.ts'
import { until } from '../../test/support/eventually.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const replica = async (options?: ReplicaOptions): Promise<Replica> => {
  const started = await startReplica(options)
  undo.push(started.stop)
  return started
}
const client = (...given: Parameters<typeof linkTo>): LinkClient => {
  const opened = linkTo(...given)
  undo.push(opened.close)
  return opened
}
const named = (agentKey: string): ReplicaOptions => ({ read: async () => ({ ...foundAgent, agentKey }) })
const ask = async ({ agents }: LinkClient): Promise<string> =>
  (await agents.resolveAgent(callOf(), { agent: '' })).agentKey

test('calls take turns between replicas, over one link to each', async () => {
  const replicas = [await replica(named('a')), await replica(named('b'))]
  const mesh = client(() => replicas.map(({ address }) => address))
  await ask(mesh)
  await until(() => mesh.pool.links().filter(({ state }) => state === 'ready').length === 2)
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(mesh)))
  expect(answers.filter((name) => name === 'a')).toHaveLength(50)
  expect(mesh.pool.links()).toEqual([
    { state: 'ready', calls: 0 },
    { state: 'ready', calls: 0 },
  ])
})

test('a new replica gets traffic with the next look-up, one that is gone from it ends what it has begun', async () => {
  const [first, second] = [
    await replica({ read: async () => (await pause(300), { ...foundAgent, agentKey: 'first' }) }),
    await replica(named('second')),
  ]
  let addresses = [first.address]
  const mesh = client(() => addresses)
  expect(await ask(mesh)).toBe('first')
  addresses = [second.address]
  const answers: string[] = []
  // No call fails meanwhile.
  while (answers.at(-1) !== 'second') answers.push(await ask(mesh))
  expect(await Promise.all(Array.from({ length: 20 }, () => ask(mesh)))).toEqual(Array(20).fill('second'))
  await until(() => mesh.pool.links().length === 1)
})

test('a replica that leaves answers what it was asked, and is asked nothing more while there is another', async () => {
  const slow: ReplicaOptions['read'] = async () => (await pause(200), { ...foundAgent, agentKey: 'leaver' })
  const [leaver, stayer] = [await replica({ read: slow }), await replica(named('stayer'))]
  const mesh = client(() => [leaver.address, stayer.address])
  await ask(mesh)
  await until(() => mesh.pool.links().filter(({ state }) => state === 'ready').length === 2)
  const under = Array.from({ length: 10 }, () => ask(mesh))
  await until(() => leaver.running.length === 5)
  leaver.server.setServing(false)
  const drained = leaver.server.drain(30_000)
  expect((await Promise.all(under)).toSorted()).toEqual([...Array(5).fill('leaver'), ...Array(5).fill('stayer')])
  await drained
  expect(await Promise.all(Array.from({ length: 10 }, () => ask(mesh)))).toEqual(Array(10).fill('stayer'))
})

test('calls that reach a replica too late are made elsewhere, those that write too, and none twice', async () => {
  const replicas = [await replica(), await replica()]
  const mesh = client(() => replicas.map(({ address }) => address))
  let [asked, leaving] = [0, false]
  const work = async (): Promise<void> => {
    while (!leaving || asked < 400) await mesh.agents.setContextFile(callOf(), fileOf(String(asked++)))
  }
  const workers = Array.from({ length: 8 }, work)
  await until(() => asked > 100)
  // Without a word before: its clients hear of it by what it refuses.
  const drained = replicas[0]!.server.drain(30_000)
  leaving = true
  await Promise.all(workers)
  await drained
  const written = replicas.flatMap((one) => one.written)
  expect(new Set(written).size).toBe(written.length)
  expect(written).toHaveLength(asked)
})

test('a link that has grown old is replaced, and nobody notices', async () => {
  const one = await replica({
    maxConnectionAgeMs: 1_000,
    // Several times after the link has grown old and before its last call ends.
    keepaliveMs: 50,
    stream: async function* () {
      for (let at = 0; at < 30; at++) {
        yield deltaOf(String(at))
        await pause(50)
      }
    },
  })
  const mesh = client(() => [one.address])
  const read = async (): Promise<string[]> => {
    const seen: string[] = []
    for await (const message of mesh.providers.chat(callOf(), chatAs(''))) seen.push(textOf(message))
    return seen
  }
  const stream = read()
  for (let at = 0; at < 60; at++) {
    await ask(mesh)
    await pause(20)
  }
  expect(await stream).toEqual(Array.from({ length: 30 }, (_, at) => String(at)))
  await until(() => mesh.pool.links().length === 1)
})

test('what is under way when a replica drains is finished, signs of life being asked for meanwhile', async () => {
  const one = await replica({
    keepaliveMs: 50,
    stream: async function* () {
      for (let at = 0; at < 20; at++) {
        yield deltaOf(String(at))
        await pause(50)
      }
    },
  })
  const mesh = client(() => [one.address])
  const seen: string[] = []
  let drained: Promise<void> | undefined
  for await (const message of mesh.providers.chat(callOf(), chatAs(''))) {
    seen.push(textOf(message))
    drained ??= one.server.drain(30_000)
  }
  await drained
  expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => String(at)))
})

test('each call is made as its own caller, however many there are', async () => {
  const one = await replica({ read: async ({ caller }) => ({ ...foundAgent, ownerId: caller.userId }) })
  const mesh = client(() => [one.address])
  const callers = Array.from({ length: 2_500 }, (_, at): Caller => ({ ...linkCaller, userId: `user-${at}` }))
  const asked = [...callers, ...callers.toReversed()]
  const answers = await Promise.all(
    asked.map((caller) => mesh.agents.resolveAgent(callOf(undefined, caller), { agent: '' })),
  )
  expect(answers.map(({ ownerId }) => ownerId)).toEqual(asked.map(({ userId }) => userId))
})

test('messages of several windows pass in both directions, and one beyond the limit fails alone', async () => {
  const large = 'x'.repeat(3_000_000)
  const one = await replica({
    write: async (_, { content }) => {
      if (content !== large) throw new Error('it arrived otherwise')
      return {}
    },
    read: async (_, { agent }) => ({ ...foundAgent, agentKey: agent === 'too large' ? 'x'.repeat(34_000_000) : large }),
    stream: async function* () {
      yield deltaOf(large)
      yield deltaOf(large)
    },
  })
  const mesh = client(() => [one.address])
  const write = (content: string) => mesh.agents.setContextFile(callOf(), { ...fileOf(''), content })
  await write(large)
  expect((await ask(mesh)).length).toBe(large.length)
  for await (const message of mesh.providers.chat(callOf(), chatAs('')))
    expect(textOf(message).length).toBe(large.length)
  await expect(write('x'.repeat(34_000_000))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const tooLarge = mesh.agents.resolveAgent(callOf(), { agent: 'too large' })
  await expect(tooLarge).rejects.toMatchObject({ code: 'INTERNAL' })
  expect((await ask(mesh)).length).toBe(large.length)
  expect(mesh.pool.links()).toEqual([{ state: 'ready', calls: 0 }])
})

test('a call that fails while its replica drains is told so, and not made again elsewhere', async () => {
  const leaver = await replica({
    write: async () => {
      await pause(100)
      throw new MeshError('FAILED_PRECONDITION', 'error.provider_not_configured')
    },
  })
  const stayer = await replica()
  const mesh = client(() => [leaver.address])
  await ask(mesh)
  const outcome = mesh.agents.setContextFile(callOf(), fileOf('once'))
  await until(() => leaver.written.length === 1)
  const drained = leaver.server.drain(30_000)
  await expect(outcome).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  await drained
  expect([...leaver.written, ...stayer.written]).toEqual(['once'])
})

test('a server that knows no links is called with plain gRPC', async () => {
  // Whatever it answers to a link, it is no link: this is how gRPC says that there is no such service.
  const one = await replica(named('plainly'))
  const { Server, ServerCredentials } = await import('@grpc/grpc-js')
  const old = new Server()
  const port = await new Promise<number>((resolve, reject) =>
    old.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  undo.push(() => old.forceShutdown())
  const mesh = client(() => [`127.0.0.1:${port}`], undefined, one.address)
  expect(await ask(mesh)).toBe('plainly')
  const messages = []
  for await (const message of mesh.providers.chat(callOf(), chatAs(''))) messages.push(textOf(message))
  expect(messages).toEqual(['a'])
})

describe('a stream that is no link of ours', () => {
  /** Opens one, sends frames, and says how it ended. */
  const raw = async (address: string, token: string | undefined, frames: Frame[]): Promise<StatusObject> => {
    const plain = new Client(address, credentials.createInsecure())
    undo.push(() => plain.close())
    const metadata = new Metadata()
    if (token !== undefined) metadata.set('x-mesh-identity', token)
    const same = (bytes: Buffer): Buffer => bytes
    const stream = plain.makeBidiStreamRequest(LinkServiceService.link.path, same, same, metadata)
    stream.on('data', () => undefined).on('error', () => undefined)
    const ended = new Promise<StatusObject>((resolve) => stream.on('status', resolve))
    stream.write(encodeBatch(frames))
    return ended
  }

  it('is refused without an identity of the mesh, or with another mesh', async () => {
    const { address } = await replica()
    const stranger = await createIdentityTokens('another secret of 32 characters or more').mint(linkCaller)
    for (const token of [undefined, '', 'x', stranger])
      expect(await raw(address, token, [])).toMatchObject({ code: status.UNAUTHENTICATED })
  })

  const open = { method: 1, identity: 1, timeoutMs: 0, requestId: '', clientIp: '', traceparent: '' }
  const text = (slot: number, value: string): Frame => ({
    call: 0,
    kind: { $case: 'text', value: { slot, text: value } },
  })
  const part = (length: number, $case: 'piece' | 'message' = 'piece'): Frame => ({
    call: 1,
    kind: { $case, value: Buffer.alloc(length) },
  })
  const chat = [
    text(1, '/clawmesh.providers.v1.ProvidersService/Chat'),
    { call: 1, kind: { $case: 'open', value: open } },
  ]

  it.each<[string, Frame[]]>([
    ['a text where none may be', [text(3, '')]],
    ['a text that is too long', [text(1, 'x'.repeat(20_000))]],
    ['a call of a method that was never named', [{ call: 1, kind: { $case: 'open', value: open } }]],
    ['a call twice', [...chat, chat[1]] as Frame[]],
    [
      'more than a call has credit for',
      [...chat, ...Array.from({ length: 6 }, () => part(65_536, 'message'))] as Frame[],
    ],
    ['too much at a time', [...chat, part(65_537)] as Frame[]],
    ['credit that there is not', [...chat, { call: 1, kind: { $case: 'credit', value: 1 } }] as Frame[]],
  ])('is cut that sends %s, and other links go on', async (_what, frames) => {
    const one = await replica()
    const mesh = client(() => [one.address])
    await ask(mesh)
    expect(await raw(one.address, await linkTokens.mint(linkCaller), frames)).toMatchObject({
      code: status.INVALID_ARGUMENT,
    })
    await ask(mesh)
    expect(mesh.pool.links()).toHaveLength(1)
  })

  it('calls methods as nobody else than its callers: each call has its own identity', async () => {
    const one = await replica()
    const path = '/clawmesh.agents.v1.AgentsService/ResolveAgent'
    const forged = await createIdentityTokens('another secret of 32 characters or more').mint(linkCaller)
    const mesh = client(() => [one.address])
    const opened = await mesh.pool.pick()
    for (const identity of ['', forged]) {
      const ended = await new Promise<object | undefined>((resolve) => {
        const call = opened.open({ ...open, method: path, identity }, () => resolve(call?.ended()))
        void call!.send(Buffer.alloc(0), 'last')
      })
      expect(ended).toMatchObject({ code: status.UNAUTHENTICATED, details: 'UNAUTHORIZED' })
    }
  })
})

test('metrics count the calls of each method, and show links and what is under way', async () => {
  const one = await replica({
    stream: async function* () {
      yield deltaOf('first')
      await pause(60_000, undefined, { ref: false })
    },
  })
  const mesh = client(() => [one.address])
  undo.push(watchPool('agents', mesh.pool))
  const stop = new AbortController()
  const stream = mesh.providers.chat(callOf(stop.signal), chatAs(''))[Symbol.asyncIterator]()
  await stream.next()
  const line = async (start: string) =>
    (await metricsRegistry.metrics())
      .split('\n')
      .find((each) => each.startsWith(start))
      ?.slice(start.length)
  const calls = 'clawmesh_link_calls_total{method="/clawmesh.providers.v1.ProvidersService/Chat",code="1"} '
  const served = 'clawmesh_link_served_total{method="/clawmesh.providers.v1.ProvidersService/Chat"} '
  const before = Number(await line(calls))
  expect(Number(await line(served))).toBeGreaterThan(0)
  expect(await line('clawmesh_links{service="agents",state="ready"} ')).toBe('1')
  expect(await line('clawmesh_link_open_calls{service="agents"} ')).toBe('1')
  expect(Number(await line('clawmesh_link_bytes_total{service="agents",direction="received"} '))).toBeGreaterThan(0)
  stop.abort()
  await expect(stream.next()).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(Number(await line(calls)) - (Number.isNaN(before) ? 0 : before)).toBe(1)
})

test.each([
  ['ipv4:127.0.0.1:1,127.0.0.2:2', ['127.0.0.1:1', '127.0.0.2:2']],
  ['ipv6:[::1]:1', ['[::1]:1']],
  ['127.0.0.1:9090', ['127.0.0.1:9090']],
  ['dns:///127.0.0.1:9090', ['127.0.0.1:9090']],
  ['dns://resolver/127.0.0.1:9090', ['127.0.0.1:9090']],
])('%s is found as gRPC would', async (target, addresses) => {
  expect(await resolveTarget(target)).toEqual(addresses)
})
