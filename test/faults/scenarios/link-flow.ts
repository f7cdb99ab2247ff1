/** Flow control of a call, both ends and the way between them, in whatever order things happen. */
import fc from 'fast-check'
import { createInbox, type Inbox } from '../../../chassis/src/link/inbox.ts'
import { maxPieceBytes, windowBytes } from '../../../chassis/src/link/limits.ts'
import { createOutbox, type Portion } from '../../../chassis/src/link/outbox.ts'

/** Large enough for messages of several windows. */
const source = Buffer.from(Array.from({ length: 3 * windowBytes }, (_, at) => (at * 31 + (at >> 8)) & 0xff))
const largestPart = maxPieceBytes

type Step = { does: 'send'; from: number; length: number } | { does: 'carry' | 'credit' | 'read'; times: number }

const length = fc.oneof(
  { weight: 6, arbitrary: fc.nat(2_000) },
  { weight: 2, arbitrary: fc.nat(100_000) },
  { weight: 1, arbitrary: fc.nat(2 * windowBytes) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, maxPieceBytes, maxPieceBytes + 1, windowBytes, windowBytes - 32) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('send' as const), from: fc.nat(windowBytes), length }) },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constantFrom('carry', 'credit', 'read' as const),
      times: fc.integer({ min: 1, max: 8 }),
    }),
  },
)

/** One direction: a sender, what is under way, a reader. */
const direction = () => {
  const forward: [Portion, Buffer][] = []
  const back: number[] = []
  const sent: Buffer[] = []
  const read: Buffer[] = []
  const outbox = createOutbox((portion, bytes) => forward.push([portion, bytes]))
  const inbox: Inbox = createInbox(
    (bytes) => back.push(bytes),
    () => undefined,
  )
  let waits: Promise<void> | undefined
  let largest = 0
  const steps: Record<Step['does'], (step: Step) => boolean> = {
    send: (step) => {
      // Whoever sends waits until there was credit for all of the last message.
      if (step.does !== 'send' || waits !== undefined) return false
      const message = source.subarray(step.from, step.from + step.length)
      sent.push(message)
      largest = Math.max(largest, message.length)
      waits = outbox.send(message, 'message')
      void waits?.then(() => (waits = undefined))
      return true
    },
    carry: () => {
      const next = forward.shift()
      if (next === undefined) return false
      inbox.arrive(...next)
      return true
    },
    credit: () => {
      const next = back.shift()
      if (next === undefined) return false
      outbox.grow(next)
      return true
    },
    read: () => {
      const next = inbox.take()
      if (next === undefined) return false
      read.push(next)
      return true
    },
  }
  return {
    run: (step: Step): void => {
      for (let times = step.does === 'send' ? 1 : step.times; times > 0; times--) steps[step.does](step)
      // A window, and a message that was put together while nothing else waited.
      if (inbox.held() > windowBytes + largest) throw new Error(`${inbox.held()} bytes are held`)
      // What is under way was paid for.
      if (forward.reduce((sum, [, { length }]) => sum + length, 0) > windowBytes)
        throw new Error('too much is under way')
      if (forward.some(([, { length }]) => length > largestPart)) throw new Error('a part is too large')
    },
    /** As long as anything moves. */
    settle: (): void => {
      const all: Step[] = (['carry', 'credit', 'read'] as const).map((does) => ({ does, times: 1 }))
      while (all.filter((each) => steps[each.does](each)).length > 0);
    },
    check: (): void => {
      expect(read.length).toBe(sent.length)
      for (const [at, message] of sent.entries())
        if (!message.equals(read[at]!)) throw new Error(`message ${at} differs`)
      expect(inbox.held()).toBe(0)
    },
  }
}

/** Random interleavings of sending, carrying, crediting and reading, in both directions at once. */
export const linkFlowTests = ({ interleavings }: { interleavings: number }): void => {
  test(`${interleavings} interleavings: every message arrives whole and in order, memory stays bounded, nothing gets stuck`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), step), { maxLength: 60 }), async (steps) => {
        const ways = [direction(), direction()] as const
        for (const [there, each] of steps) {
          ways[Number(there)]!.run(each)
          // Whoever waited for credit may go on.
          await Promise.resolve()
        }
        for (const way of ways) {
          way.settle()
          way.check()
        }
      }),
      { numRuns: interleavings },
    )
  })

  test('a sender without credit, a message beyond the limit and credit that there is not are faults', () => {
    const inbox = createInbox(
      () => undefined,
      () => undefined,
    )
    const part = source.subarray(0, maxPieceBytes)
    expect(() => {
      for (let count = 0; count < 5; count++) inbox.arrive('message', part)
    }).toThrow('credit')
    expect(() =>
      createInbox(
        () => undefined,
        () => undefined,
      ).arrive('message', source.subarray(0, maxPieceBytes + 1)),
    ).toThrow()
    expect(() => createOutbox(() => undefined).grow(1)).toThrow('credit')
  })
}
