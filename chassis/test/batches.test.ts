/** Stored events as messages, and back. */
import fc from 'fast-check'
import { batchBytes, batchEvents, partsOf, toMessages } from '../src/bus/batches.ts'

const eventOf = (id: string, data: unknown = { id }) =>
  JSON.stringify({
    specversion: '1.0',
    id,
    source: '/clawmesh/test',
    type: 'clawmesh.test',
    time: '2026-01-01T00:00:00Z',
    datacontenttype: 'application/json',
    tenantid: 'tenant',
    data,
  })

it('what goes in comes out: every event once, those of a subject in their order, none of another with them', () => {
  const event = fc.record({ id: fc.uuid(), subject: fc.constantFrom('a', 'b', 'c'), size: fc.nat(400_000) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 250 }), (given) => {
      const rows = given.map(({ id, subject, size }) => ({ id, subject, payload: eventOf(id, 'é'.repeat(size / 100)) }))
      const messages = toMessages(rows)
      for (const subject of ['a', 'b', 'c'])
        expect(
          messages
            .filter((each) => each.subject === subject)
            .flatMap(({ data }) => partsOf(data).map((part) => part.event?.id)),
        ).toEqual(rows.filter((row) => row.subject === subject).map(({ id }) => id))
    }),
    { numRuns: 50 },
  )
})

it('a message has no more events, and several have no more bytes, than it may', () => {
  const rows = (count: number, size: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `${at}`,
      subject: 's',
      payload: eventOf(`${at}`, 'é'.repeat(size)),
    }))
  expect(toMessages(rows(batchEvents + 1, 1)).map(({ data }) => partsOf(data).length)).toEqual([batchEvents, 1])
  const large = toMessages(rows(7, 100_000))
  expect(large.map(({ data }) => partsOf(data).length)).toEqual([3, 3, 1])
  for (const { data } of large) expect(Buffer.byteLength(data)).toBeLessThanOrEqual(batchBytes)
  // One that is too long by itself goes alone.
  expect(toMessages(rows(2, batchBytes)).map(({ data }) => partsOf(data).length)).toEqual([1, 1])
})

it('one event is what it was, under its own id; several have an id that stands for exactly these', () => {
  const row = (id: string) => ({ id, subject: 's', payload: eventOf(id) })
  expect(toMessages([row('a')])).toEqual([{ subject: 's', id: 'a', data: eventOf('a') }])
  const idOf = (...ids: string[]) => toMessages(ids.map(row))[0]!.id
  expect(idOf('a', 'b')).toBe(idOf('a', 'b'))
  expect(
    new Set([idOf('a'), idOf('a', 'b'), idOf('a', 'b', 'c'), idOf('a', 'c'), idOf('ab', 'c'), idOf('a', 'bc')]).size,
  ).toBe(6)
})

it('what is no event is a part of its own, beside those that are', () => {
  const parts = partsOf(`[${eventOf('a')},{"specversion":"1.0"},null,[1],${eventOf('b')}]`)
  expect(parts.map(({ event }) => event?.id)).toEqual(['a', undefined, undefined, undefined, 'b'])
  expect(parts[1]!.payload()).toBe('{"specversion":"1.0"}')
  expect(JSON.parse(parts[0]!.payload())).toEqual(JSON.parse(eventOf('a')))
  expect(partsOf('no json').map(({ event, payload }) => [event, payload()])).toEqual([[undefined, 'no json']])
  expect(partsOf('[]')).toEqual([])
})
