/** What waits for its turn: in its session, and in its lane. */
import { setTimeout as sleep } from 'node:timers/promises'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { createLanes, laneOf } from '../src/runs/lanes.ts'
import { createSessionQueue } from '../src/runs/session-queue.ts'
import type { RunRequest, RunResult } from '../src/runs/types.ts'
import { createRun } from '../src/runs/use-cases.ts'

const key = { tenantId: 't', sessionKey: 's' }
const text = (said: string, userId = 'alice') => ({ userId, text: said, isText: true })

/** A session of which somebody else has the turn, until it is given on. */
const busy = (options: Partial<Parameters<typeof createSessionQueue>[0]> = {}) => {
  const queue = createSessionQueue({ cap: 10, drop: 'new', debounceMs: 1_000, ...options })
  const gate = Promise.withResolvers<void>()
  const turns: string[] = []
  let tail: Promise<unknown> = gate.promise
  const send = (said: ReturnType<typeof text>) =>
    queue(key, said, ({ signal, gather, begun }) => {
      const mine = tail.then(async () => {
        if (signal.aborted) throw new Error('aborted')
        const whole = [said.text, ...gather()].join('\n')
        if (whole.startsWith('broken')) throw new Error('no run')
        begun(`run of ${said.text}`)
        turns.push(whole)
        return whole
      })
      tail = mine.catch(() => undefined)
      return mine
    })
  return { send, open: () => gate.resolve(), turns }
}

rule('chat.send.joinsWhatComesTogether', async () => {
  const { send, open, turns } = busy()
  const sent = ['one', 'two', 'three'].map((said) => send(text(said)))
  sent.push(send(text('mine', 'bob')), send({ ...text('picture'), isText: false }), send(text('four')))
  open()
  expect(await Promise.all(sent)).toEqual([
    { result: 'one\ntwo\nthree' },
    { joined: 'run of one' },
    { joined: 'run of one' },
    { result: 'mine' },
    { result: 'picture' },
    { result: 'four' },
  ])
  expect(turns).toEqual(['one\ntwo\nthree', 'mine', 'picture', 'four'])
})

test('what comes later than that has a turn of its own', async () => {
  const { send, open, turns } = busy({ debounceMs: 30 })
  const first = send(text('one'))
  await sleep(60)
  const second = send(text('two'))
  open()
  expect([await first, await second]).toEqual([{ result: 'one' }, { result: 'two' }])
  expect(turns).toEqual(['one', 'two'])
})

test('what has joined a turn that never began is told so', async () => {
  const { send, open } = busy()
  const sent = [send(text('broken')), send(text('two'))]
  open()
  for (const each of sent) await expect(each).rejects.toThrow('no run')
})

describe('lanes', () => {
  const request = (channel: string, sessionKey: string | undefined, tenantId = 't') =>
    ({ origin: { channel }, sessionKey, caller: testCaller({ tenantId }) }) as RunRequest

  test.each([
    ['ws', 'agent:a:ws:direct:1', 'main'],
    ['wake', 'agent:a:wake-1', 'main'],
    ['telegram', 'anything', 'main'],
    ['ws', 'agent:a:subagent:x', 'subagent'],
    ['ws', 'agent:a:team:7:8', 'team'],
    ['cron', 'agent:a:main', 'cron'],
    ['ws', 'agent:a:heartbeat:1', 'cron'],
    ['http', undefined, undefined],
  ])('on %s, %s is in %s', (channel, sessionKey, lane) => {
    expect(laneOf(request(channel, sessionKey))).toBe(lane)
  })

  rule('chat.send.waitsForItsLane', async () => {
    const inLane = createLanes({ main: 2, subagent: 1, team: 1, cron: 1 })
    const gates: (() => void)[] = []
    const begun: string[] = []
    const start = (name: string, tenantId: string, channel = 'ws') =>
      inLane(request(channel, undefined, tenantId), async () => {
        begun.push(name)
        if (channel === 'ws') await new Promise<void>((resolve) => gates.push(resolve))
      })
    for (const name of ['a1', 'a2', 'a3', 'a4']) void start(name, 'a')
    void start('b1', 'b')
    void start('c1', 'a', 'cron')
    void start('h1', 'a', 'http')
    expect(begun).toEqual(['a1', 'a2', 'c1', 'h1'])
    for (const next of ['a3', 'b1', 'a4']) {
      gates.shift()!()
      await sleep(0)
      expect(begun.at(-1)).toBe(next)
    }
  })
})

rule('chat.send.refusesWhileLeaving', async () => {
  let leaving = false
  const first = Promise.withResolvers<RunResult>()
  const begun: string[] = []
  const { run } = createRun({
    messageRules: async () => ({ maxChars: 100, injectionAction: 'off' }),
    rules: [],
    inLane: (_request, work) => work(),
    isLeaving: () => leaving,
    turn: (_call, { message }) => {
      begun.push(message)
      return first.promise
    },
  })
  const caller = testCaller()
  const call = { caller, signal: new AbortController().signal } as never
  const ask = (message: string) => run(call, { caller, sessionKey: 's', message } as never)
  const [one, two] = [ask('one'), ask('two')]
  two.catch(() => undefined)
  await sleep(0)
  leaving = true
  first.resolve({ content: 'done' } as RunResult)
  expect(await one).toMatchObject({ content: 'done' })
  await expect(two).rejects.toMatchObject({ code: 'UNAVAILABLE', key: 'error.shutting_down' })
  expect(begun).toEqual(['one'])
})
