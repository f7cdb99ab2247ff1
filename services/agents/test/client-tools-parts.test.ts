import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { isLargerThan } from '../src/chat/schema-size.ts'
import { storedCall } from '../src/chat/tool-arguments.ts'
import { createClientCalls, runOfCallId } from '../src/runs/client-calls.ts'
import type { ToolCallPiece } from '../src/runs/types.ts'
import { expectLinear, repeated } from '../../../test/support/linear-time.ts'

describe('calls of the client', () => {
  const runId = randomUUID()
  const isClients = (name: string) => name.startsWith('theirs')

  it('come out of any cut as they are, numbered without those of the agent', async () => {
    const anyCall = fc.record({ name: fc.constantFrom('theirs', 'theirs_too', 'ours'), argumentsJson: fc.json() })
    const anyCut = fc.array(fc.nat({ max: 8 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { maxLength: 5 }), anyCut, fc.boolean(), async (calls, cut, namesLate) => {
        const pieces: ToolCallPiece[] = []
        const taken = createClientCalls({ runId, isClients, show: async (piece) => void pieces.push(piece) })
        for (const [index, { name, argumentsJson }] of calls.entries()) {
          if (!namesLate) await taken.push({ index, id: 'x', name, argumentsDelta: '' })
          let at = 0
          for (const size of [...cut, argumentsJson.length]) {
            await taken.push({ index, id: '', name: '', argumentsDelta: argumentsJson.slice(at, at + size) })
            at += size
          }
          if (namesLate) await taken.push({ index, id: 'x', name, argumentsDelta: '' })
        }
        const theirs = calls.filter(({ name }) => isClients(name))
        expect(pieces.filter(({ id }) => id !== '').map(({ index, name }) => [index, name])).toEqual(
          theirs.map(({ name }, index) => [index, name]),
        )
        for (const [index, { argumentsJson }] of theirs.entries()) {
          const written = pieces.filter((piece) => piece.index === index).map(({ argumentsDelta }) => argumentsDelta)
          expect(written.join('')).toBe(argumentsJson)
        }
        for (const [place, { name, argumentsJson }] of calls.entries())
          expect(taken.wasShown(place)).toBe(isClients(name) && argumentsJson !== undefined)
      }),
    )
  })

  it('have ids that name their run and that every vendor takes', async () => {
    const taken = createClientCalls({ runId, isClients, show: async () => undefined })
    for (let place = 0; place < 200; place++) {
      const { id } = await taken.finish({ id: '', name: 'theirs', argumentsJson: '{}', parseError: '' }, place)
      expect(id).toMatch(/^[a-zA-Z0-9_]{1,40}$/)
      expect(runOfCallId(id)).toBe(runId)
    }
    for (const foreign of ['', 'call_abc', 'toolu_01', `call_${runId}0`]) expect(runOfCallId(foreign)).toBeUndefined()
  })
})

describe('the schemas of a request', () => {
  /** A short schema that says 2^depth things. */
  const doubling = (depth: number) => ({
    $ref: '#/$defs/d0',
    $defs: Object.fromEntries(
      Array.from({ length: depth }, (_, at) => {
        const next = { $ref: `#/$defs/d${at + 1}` }
        return [`d${at}`, { properties: { a: next, b: next } }]
      }),
    ),
  })

  it.each([
    [false, doubling(5)],
    [true, doubling(60)],
    [false, { properties: { self: { $ref: '#' } } }],
    [true, { enum: Array.from({ length: 10_001 }, () => []) }],
    [false, { $ref: '#/nowhere' }],
  ])('are too large: %s', (expected, schema) => {
    expect(isLargerThan(10_000, [schema])).toBe(expected)
  })

  it('are too large together', () => {
    const schema = { properties: { a: {}, b: {} } }
    expect(isLargerThan(10, [schema])).toBe(false)
    expect(isLargerThan(10, [schema, schema, schema])).toBe(true)
  })
})

describe('arguments that a client sends back', () => {
  it('are the object that they say, else none', () => {
    expect(storedCall('a', 'f', '{"n":1}')).toEqual({ id: 'a', name: 'f', arguments: { n: 1 } })
    expect(storedCall('a', 'f', '')).toEqual({ id: 'a', name: 'f', arguments: {} })
    for (const text of ['[1]', '"x"', '{"a"', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`])
      expect(storedCall('a', 'f', text)).toMatchObject({ arguments: {}, parseError: expect.any(String) })
  })

  it('are read in linear time', () => {
    for (const piece of ['{"a":', '[', '"', '\\']) expectLinear((text) => storedCall('a', 'f', text), repeated(piece))
  })
})
