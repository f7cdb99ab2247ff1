/** What a program of the Agent Client Protocol, or many of them, may have at once, and what is left when they go. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cancelledBy, UpstreamFailure } from '../src/chat/protocols/failure.ts'
import type { Json } from '../src/chat/protocols/json.ts'
import { startAcpSession, type AcpSession } from '../src/programs/acp-session.ts'
import { createAcpSessions } from '../src/programs/acp-sessions.ts'
import { createTerminals } from '../src/programs/acp-terminals.ts'
import { createPeer } from '../src/programs/json-rpc.ts'

const tick = () => new Promise(setImmediate)

describe('answers to a program', () => {
  const peerOf = () => {
    const written: (Json & { result?: Json; error?: { message: string } })[] = []
    const taken: (() => void)[] = []
    const worked: number[] = []
    const peer = createPeer({
      write: (line) => {
        written.push(JSON.parse(line) as Json)
        return new Promise((resolve) => taken.push(resolve))
      },
      notified: () => {},
      asked: (count) => worked.push(count),
      answers: { echo: (params) => params },
    })
    const ask = (id: number, method = 'echo') => peer.take(JSON.stringify({ id, method, params: {} }))
    return { written, taken, worked, ask }
  }

  it('count until it has taken them', async () => {
    const { written, taken, worked, ask } = peerOf()
    for (let id = 1; id <= 32; id++) {
      ask(id)
      await tick()
    }
    ask(33)
    expect(written.map(({ error }) => error?.message)).toEqual([
      ...Array.from({ length: 32 }, () => undefined),
      'too many requests at once',
    ])
    expect(worked.at(-1)).toBe(0)
    taken[0]!()
    await tick()
    ask(34)
    await tick()
    expect(written.at(-1)).toMatchObject({ id: 34, result: {} })
  })

  it('end with it where it takes none', async () => {
    const { ask, taken } = peerOf()
    const many = () => {
      for (let id = 1; id <= 1_000; id++) ask(id, 'no such method')
    }
    many()
    expect(() => ask(0, 'no such method')).toThrow(UpstreamFailure)
    for (const take of taken) take()
    await tick()
    many()
  })
})

describe('commands of a program', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acp-bounds-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const isRunning = async (marker: string): Promise<boolean> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))
    return lines.some((line) => line.startsWith(`sleep\0${marker}`))
  }

  it('are sixteen at most, those that are starting among them, and none is left or started once it has ended', async () => {
    const marker = `88${process.pid}`
    const terminals = createTerminals(folder)
    const begin = () => terminals.create({ command: 'sleep', args: [marker] })
    const made = Promise.allSettled(Array.from({ length: 17 }, begin))
    await terminals.end()
    const reasons = (await made).map((one) => (one.status === 'rejected' ? String(one.reason) : 'made'))
    expect(reasons).toEqual([
      ...Array.from({ length: 16 }, () => 'Error: the session is over'),
      'Error: too many terminals',
    ])
    await expect(begin()).rejects.toThrow('the session is over')
    expect(await isRunning(marker)).toBe(false)
  })
})

describe('programs that are kept', () => {
  const fakeSession = () => {
    const session: AcpSession & { ended: number } = {
      ended: 0,
      takesImages: false,
      isOver: () => session.ended > 0,
      ask: () => Promise.reject(new Error('nobody asks')) as never,
      atRest: () => Promise.resolve(),
      end: () => Promise.resolve(void session.ended++),
    }
    return session
  }
  type Wanted = Parameters<ReturnType<typeof createAcpSessions>['take']>[0]
  const wanted = (key: string, more: Partial<Wanted> = {}): Wanted => ({
    ...{ key, madeOf: '', asked: undefined, idleMs: 1_000 },
    start: () => Promise.resolve(fakeSession()),
    ...more,
  })
  /** Starts until its signal fires, as the real one does. */
  const starting = (signal: AbortSignal): Promise<AcpSession> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(cancelledBy(signal))))

  it('are 64 at most, those that are starting among them; an idle one makes room, one at work does not', async () => {
    const sessions = createAcpSessions()
    const all = await Promise.allSettled(Array.from({ length: 66 }, (_, at) => sessions.take(wanted(`${at}`))))
    expect(all.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 64 }, () => 'fulfilled'),
      ...['rejected', 'rejected'],
    ])
    sessions.giveBack('7')
    const both = await Promise.allSettled(['a', 'b'].map((key) => sessions.take(wanted(key))))
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { kind: 'rate_limit' } }])
    const [, seventh] = [0, 7].map((at) => (all[at] as PromiseFulfilledResult<{ session: AcpSession }>).value.session)
    expect(seventh!.isOver()).toBe(true)
    await sessions.stop()
  })

  it('stay while they are at work, however often they were given back before', async () => {
    const sessions = createAcpSessions()
    const { session } = await sessions.take(wanted('a', { idleMs: 1 }))
    sessions.giveBack('a')
    sessions.giveBack('a')
    await sessions.take(wanted('a'))
    // Far longer than it may be idle, so that a timer that was left would end it.
    await sleep(50)
    expect(session.isOver()).toBe(false)
    await sessions.stop()
  })

  it('are ended by a stop even while they start, and none starts after it', async () => {
    const sessions = createAcpSessions()
    const late = fakeSession()
    const waiting = [
      sessions.take(wanted('a', { start: starting })),
      // It is ready in the very moment.
      sessions.take(wanted('b', { start: async (signal) => starting(signal).catch(() => late) })),
    ].map((take) => expect(take).rejects.toThrow('cancelled'))
    await tick()
    await sessions.stop()
    await Promise.all(waiting)
    expect(late.ended).toBe(1)
    await expect(sessions.take(wanted('c'))).rejects.toThrow('cancelled')
  })

  it('do not start for a caller that has left', async () => {
    const sessions = createAcpSessions()
    const leaving = new AbortController()
    const take = sessions.take(wanted('a', { start: starting, signal: leaving.signal }))
    leaving.abort()
    await expect(take).rejects.toThrow('cancelled')
    const never = () => Promise.reject(new Error('started'))
    await expect(sessions.take(wanted('a', { start: never, signal: leaving.signal }))).rejects.toThrow('cancelled')
  })
})

describe('a program itself', () => {
  const program = fileURLToPath(new URL('../../../test/fakes/acp-program.mjs', import.meta.url))
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acp-bounds-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const start = (signal?: AbortSignal) =>
    startAcpSession({ program, args: [], env: {}, folder, permissions: 'deny-all', withinMs: 20_000, signal })

  it('is ended with the start that is called off, and not afterwards', async () => {
    const leaving = new AbortController()
    const begun = start(leaving.signal)
    leaving.abort()
    await expect(begun).rejects.toMatchObject({ kind: 'cancelled' })
    const later = new AbortController()
    const session = await start(later.signal)
    later.abort()
    expect(session.isOver()).toBe(false)
    await session.end()
  })

  it('has nothing queued of what is no part of its answer, and is not told what a caller that has left would say', async () => {
    const session = await start()
    const turn = (text: string, signal?: AbortSignal) => ({
      ...{ prompt: [{ type: 'text', text }], firstMs: 20_000, idleMs: 20_000 },
      signal,
    })
    const pieces: unknown[] = []
    for await (const piece of session.ask(turn('work'))) pieces.push(piece)
    expect(pieces).toEqual([{ kind: 'text', text: 'done' }])
    await expect(session.ask(turn('too late', AbortSignal.abort())).next()).rejects.toMatchObject({ kind: 'cancelled' })
    for await (const { text } of session.ask(turn('heard')))
      expect((JSON.parse(text) as { heard: string[] }).heard).toEqual(['work'])
    await session.end()
  })
})
