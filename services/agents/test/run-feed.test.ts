/** Events of runs leave for whoever listens, in order and whole, and for nobody else. */
import { setTimeout as pause } from 'node:timers/promises'
import { createLocalBus, createLogger, newId, type Bus, type Logger } from '@clawmesh/chassis'
import type { RunEvent } from '@clawmesh/contracts'
import { eventually } from '../../../test/support/eventually.ts'
import { createRunFeed } from '../src/runs/run-feed.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const eventOf = (seq: number): RunEvent => ({
  type: 'chunk',
  content: `${seq}`,
  seq,
  runId: 'r',
  agentId: 'a',
  agentKey: 'a',
  sessionKey: 's',
  userId: 'u',
  channel: 'c',
})

/** A feed over a bus that counts what goes over it. */
const feedOfTest = () => {
  const bus: Bus = createLocalBus(log)
  const sent: unknown[] = []
  const asked: unknown[] = []
  const state = { isBroken: false, answerMs: 5 }
  const faults: unknown[] = []
  const feed = createRunFeed({
    log: { warn: ({ err }: { err: unknown }) => void faults.push(err) } as unknown as Logger,
    bus: {
      signal: (subject, message) => {
        if (state.isBroken) throw new Error('the connection is draining')
        sent.push(message)
        bus.signal(subject, message)
      },
      signalHeard: async (subject, message) => {
        asked.push(message)
        await pause(state.answerMs)
        return bus.signalHeard(subject, message)
      },
    },
  })
  const listenTo = (subject: string) => {
    const seen: number[] = []
    const stop = bus.subscribe(subject, (message) => void seen.push((message as RunEvent).seq!))
    return { seen, stop }
  }
  return { feed, sent, asked, listenTo, faults, state }
}
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1)

it('nobody listens: one event of a moment asks, the others do not leave', async () => {
  const { feed, sent, asked } = feedOfTest()
  for (const seq of upTo(50)) feed.publish({ tenantId: newId(), runId: 'r' }, eventOf(seq))
  const tenantId = newId()
  for (const seq of upTo(50)) feed.publish({ tenantId, runId: `r${seq}` }, eventOf(seq))
  await eventually('all tenants are asked', async () => asked.length === 51)
  await feed.part.stop!()
  expect(sent).toEqual([])
})

it('a tenant that nobody listened to is asked about seldom', async () => {
  const { feed, asked } = feedOfTest()
  const tenantId = newId()
  const beganMs = performance.now()
  for (const seq of upTo(100)) {
    feed.publish({ tenantId, runId: 'r' }, eventOf(seq))
    await pause(2)
  }
  await feed.part.stop!()
  // Once in 25 ms, however long a slow machine has taken, and with the first and the last event.
  expect(asked.length).toBeLessThanOrEqual((performance.now() - beganMs) / 25 + 2)
})

it('who listens gets every event in order, and so does who begins to listen before the first', async () => {
  const { feed, asked, listenTo } = feedOfTest()
  const tenantId = newId()
  feed.publish({ tenantId, runId: 'before' }, eventOf(0))
  await eventually('the first is for nobody', async () => asked.length === 1)
  const { seen } = listenTo(`mesh.runs.${tenantId}.*`)
  for (const seq of upTo(300)) {
    feed.publish({ tenantId, runId: 'r' }, eventOf(seq))
    if (seq % 20 === 0) await pause(2)
  }
  await eventually('all events', async () => seen.filter((seq) => seq > 0).length === 300)
  expect(seen.filter((seq) => seq > 0)).toEqual(upTo(300))
})

it('a run that is followed by name is published, whether or not anybody else listens', async () => {
  const { feed, asked, listenTo } = feedOfTest()
  const tenantId = newId()
  const { seen } = listenTo(`mesh.runs.${tenantId}.followed`)
  for (const seq of upTo(3)) {
    feed.publish({ tenantId, runId: 'other' }, eventOf(0))
    feed.publish({ tenantId, runId: 'followed', isFollowed: true }, eventOf(seq))
  }
  await eventually('all events', async () => seen.length === 3)
  expect(seen).toEqual([1, 2, 3])
  expect(asked).toEqual([])
})

it('what waits when the process leaves is published', async () => {
  const { feed, listenTo } = feedOfTest()
  const tenantId = newId()
  const { seen } = listenTo(`mesh.runs.${tenantId}.*`)
  for (const seq of upTo(3)) feed.publish({ tenantId, runId: 'r' }, eventOf(seq))
  await feed.part.stop!()
  expect(seen).toEqual([1, 2, 3])
})

it('leaves nothing behind that runs, though it was still asking who listens', async () => {
  const { feed, asked, faults, state } = feedOfTest()
  const tenantId = newId()
  state.answerMs = 50
  feed.publish({ tenantId, runId: 'r' }, eventOf(1))
  await eventually('it is asked', async () => asked.length === 1)
  feed.publish({ tenantId, runId: 'r' }, eventOf(2))
  await feed.part.stop!()
  await pause(30)
  expect(faults).toEqual([])
})

it('goes on after a bus that took nothing', async () => {
  const { feed, faults, listenTo, state } = feedOfTest()
  const tenantId = newId()
  const { seen } = listenTo(`mesh.runs.${tenantId}.*`)
  state.isBroken = true
  for (const seq of upTo(3)) feed.publish({ tenantId, runId: 'r', isFollowed: true }, eventOf(seq))
  await eventually('the fault', async () => faults.length === 1)
  state.isBroken = false
  feed.publish({ tenantId, runId: 'r', isFollowed: true }, eventOf(4))
  await eventually('the next one', async () => seen.includes(4))
})
