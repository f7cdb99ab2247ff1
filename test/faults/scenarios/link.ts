/**
 * Links whose network or whose other end fails: cut, silent, slow, killed. No call hangs, none that writes is done twice,
 * nothing is left behind.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import { hangLimitMs } from '../../support/limits.ts'
import {
  callOf,
  chatAs,
  deltaOf,
  fileOf,
  foundAgent,
  linkTo,
  startReplica,
  textOf,
  type LinkClient,
  type Replica,
  type ReplicaOptions,
} from '../../support/link-replicas.ts'
import { until } from '../../support/eventually.ts'

export interface LinkFaults {
  /** How often each fault is made. */
  rounds: number
  streams: number
  /** Small calls beside a large stream. */
  calls: number
  streamMegabytes: number
  readerBytesPerSecond: number
}

const messages = 40
const stream: ReplicaOptions['stream'] = async function* (_call, { model }) {
  for (let at = 0; at < messages; at++) {
    yield deltaOf(`${model} ${at}`)
    await pause(5)
  }
}

/** `done`, or how it failed. */
type Outcome = string

const outcomeOf = async (work: Promise<unknown>): Promise<Outcome> => {
  try {
    await Promise.race([
      work,
      pause(hangLimitMs, undefined, { ref: false }).then(() => {
        throw new Error('it hangs')
      }),
    ])
    return 'done'
  } catch (thrown) {
    return thrown instanceof MeshError ? thrown.code : String(thrown)
  }
}

/** Reads a stream to its end; what came of it is in order and whole up to where it broke. */
const readStream = async ({ providers }: LinkClient, name: string): Promise<void> => {
  let at = 0
  for await (const message of providers.chat(callOf(), chatAs(name))) {
    if (textOf(message) !== `${name} ${at}`) throw new Error(`${name}: ${textOf(message)} came instead of ${at}`)
    at++
  }
  if (at !== messages) throw new Error(`${name} ended after ${at}`)
}

const listeners = ['exit', 'warning', 'uncaughtException', 'unhandledRejection'] as const
/** What a process holds: open sockets and timers, and listeners on it. */
const heldBy = () => ({
  resources: process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|Timeout|Immediate/.test(name))
    .toSorted(),
  listeners: listeners.map((name) => process.listenerCount(name)),
})

const allowed = new Set<Outcome>(['done', 'UNAVAILABLE', 'AGENT_TIMEOUT'])

export const linkFaultTests = ({ rounds, streams, calls, streamMegabytes, readerBytesPerSecond }: LinkFaults): void => {
  let before: ReturnType<typeof heldBy>
  const undo: (() => unknown)[] = []
  const replicasOf = async (count: number, options: ReplicaOptions = {}): Promise<Replica[]> => {
    const started = await Promise.all(Array.from({ length: count }, () => startReplica({ stream, ...options })))
    undo.push(...started.map(({ stop }) => stop))
    return started
  }
  const clientOf = (replicas: readonly Replica[], timeouts?: Parameters<typeof linkTo>[1]): LinkClient => {
    const mesh = linkTo(() => replicas.map(({ address }) => address), timeouts)
    undo.push(mesh.close)
    return mesh
  }

  beforeAll(async () => {
    // What the first link of a process makes for good is no leak.
    const [first] = await replicasOf(1)
    await clientOf([first!]).agents.resolveAgent(callOf(), { agent: '' })
    for (const step of undo.splice(0).reverse()) await step()
    await pause(100)
    before = heldBy()
  })
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
    await until(() => JSON.stringify(heldBy()) === JSON.stringify(before))
  })

  /** All kinds of calls at once: reads, writes, streams. */
  const everything = (mesh: LinkClient, name: string): Promise<Outcome>[] =>
    Array.from({ length: streams }, (_, at) => [
      outcomeOf(readStream(mesh, `${name}-${at}`)),
      outcomeOf(mesh.agents.setContextFile(callOf(), fileOf(`${name}-${at}`))),
      outcomeOf(mesh.agents.resolveAgent(callOf(), { agent: '' })),
    ]).flat()

  const expectSound = async (mesh: LinkClient, replicas: readonly Replica[], outcomes: readonly Outcome[]) => {
    expect(outcomes.filter((outcome) => !allowed.has(outcome))).toEqual([])
    await until(() => replicas.every(({ running }) => running.length === 0))
    await until(() => mesh.pool.links().every((link) => link.calls === 0))
    const written = replicas.flatMap((one) => one.written)
    expect(new Set(written).size).toBe(written.length)
  }
  const slowly: ReplicaOptions = {
    read: async () => (await pause(50), foundAgent),
    write: async () => (await pause(50), {}),
  }

  test('a link that is cut ends its calls at once, reads are made again, and the next calls find a new one', async () => {
    const [one] = (await replicasOf(1, slowly)) as [Replica]
    const mesh = clientOf([one])
    for (let round = 0; round < rounds; round++) {
      const outcomes = everything(mesh, `cut-${round}`)
      await until(() => one.running.length > streams)
      await one.proxy.shut()
      await one.proxy.open()
      await expectSound(mesh, [one], await Promise.all(outcomes))
      expect(await Promise.all(everything(mesh, `whole-${round}`))).toEqual(Array(3 * streams).fill('done'))
    }
  })

  test('of a link that is silent no call hangs, and the other replica takes over', async () => {
    const replicas = (await replicasOf(2, slowly)) as [Replica, Replica]
    // Long enough for all of them where nothing is wrong.
    const mesh = clientOf(replicas, { rpcTimeoutMs: 3_000 + 20 * streams, streamTimeoutMs: 4_000 + 50 * streams })
    for (let round = 0; round < rounds; round++) {
      expect(await Promise.all(everything(mesh, `well-${round}`))).toEqual(Array(3 * streams).fill('done'))
      await until(() => mesh.pool.links().filter(({ state }) => state === 'ready').length === 2)
      replicas[0].proxy.stall()
      const outcomes = await Promise.all(everything(mesh, `silent-${round}`))
      expect(outcomes.filter((outcome) => outcome === 'done').length).toBeGreaterThanOrEqual(streams)
      // Asked for a sign of life while calls wait, and given up.
      const waiting = (async () => {
        while (mesh.pool.links().filter(({ state }) => state === 'ready').length === 2)
          await outcomeOf(mesh.agents.resolveAgent(callOf(), { agent: '' }))
      })()
      await waiting
      await replicas[0].proxy.open()
      await expectSound(mesh, replicas, outcomes)
    }
  })

  test('with 200 ms there and back, and one part in a hundred a second late, every call is answered', async () => {
    const lagMs = () => (Math.random() < 0.01 ? 1_000 : 100)
    const replicas = await replicasOf(2, { lagMs })
    const mesh = clientOf(replicas, { rpcTimeoutMs: hangLimitMs, streamTimeoutMs: hangLimitMs })
    for (let round = 0; round < rounds; round++)
      expect(await Promise.all(everything(mesh, `slow-${round}`))).toEqual(Array(3 * streams).fill('done'))
    await expectSound(mesh, replicas, [])
  })

  test('a replica that dies under its streams ends them, the other goes on, and nothing is done twice', async () => {
    const replicas = (await replicasOf(2, slowly)) as [Replica, Replica]
    const mesh = clientOf(replicas)
    for (let round = 0; round < rounds; round++) {
      await mesh.agents.resolveAgent(callOf(), { agent: '' })
      await until(() => mesh.pool.links().filter(({ state }) => state === 'ready').length === 2)
      const outcomes = everything(mesh, `killed-${round}`)
      await until(() => replicas[0].running.length > streams / 2)
      await replicas[0].proxy.shut()
      // While it is away too.
      outcomes.push(...everything(mesh, `without-${round}`))
      const all = await Promise.all(outcomes)
      expect(all.filter((outcome) => outcome === 'done').length).toBeGreaterThan(3 * streams)
      await replicas[0].proxy.open()
      await expectSound(mesh, replicas, all)
    }
  })

  test('a client that leaves in the middle leaves nothing running', async () => {
    const [one] = (await replicasOf(1, slowly)) as [Replica]
    const mesh = clientOf([one])
    for (let round = 0; round < rounds; round++) {
      const abort = new AbortController()
      const left = Array.from({ length: streams }, () =>
        outcomeOf(
          (async () => {
            for await (const _message of mesh.providers.chat(callOf(abort.signal), chatAs('left')));
          })(),
        ),
      )
      await until(() => one.running.length === streams)
      abort.abort()
      expect(await Promise.all(left)).toEqual(Array(streams).fill('CANCELLED'))
      await expectSound(mesh, [one], [])
    }
  })

  test(`beside a stream of ${streamMegabytes} MB to a slow reader ${calls} small calls go on, and memory is bounded`, async () => {
    const part = 'x'.repeat(50_000)
    const parts = (streamMegabytes * 1_000_000) / part.length
    let written = 0
    const [one] = (await replicasOf(1, {
      stream: async function* () {
        for (; written < parts; written++) yield deltaOf(part)
      },
    })) as [Replica]
    const mesh = clientOf([one])
    const reader = mesh.providers.chat(callOf(), chatAs(''))[Symbol.asyncIterator]()
    await reader.next()
    let reading = true
    let read = 1
    const slowRead = (async () => {
      while (reading) {
        await pause((part.length / readerBytesPerSecond) * 1_000, undefined, { ref: false })
        if (reading) await reader.next()
        read++
      }
    })()
    const waits: number[] = []
    for (let at = 0; at < calls; at++) {
      const since = performance.now()
      await mesh.agents.resolveAgent(callOf(), { agent: '' })
      waits.push(performance.now() - since)
    }
    // A window on its way or waiting to be read, and what each side has in hand.
    const ahead = (written - read) * part.length
    expect(ahead).toBeLessThanOrEqual(262_144 + 3 * part.length)
    console.info(
      `longest wait of ${calls} small calls beside a slow reader: ${Math.max(...waits).toFixed(1)} ms; ` +
        `median ${waits.toSorted((a, b) => a - b)[calls >> 1]!.toFixed(2)} ms; the stream is ${ahead} bytes ahead of it`,
    )
    reading = false
    await reader.return?.()
    await Promise.race([slowRead, pause(10)])
    await until(() => one.running.length === 0)
  })
}
