/** The rule by which the domain's names and the contract's meet. */
import fc from 'fast-check'
import { z } from 'zod'
import { fromContract, toContract, type RequestShape, type ResponseShape } from '../src/contract/index.ts'

const time = z.iso.datetime({ offset: true })
const thing = z.object({
  thing_id: z.string(),
  created_at: time,
  display_name: z.string().optional(),
  parent_id: z.string().nullable(),
  owner_note: z.string().nullish(),
  settings: z.looseObject({}),
  labels: z.record(z.string(), z.string()),
  parts: z.array(z.object({ part_no: z.number() })),
  traceID: z.string().optional(),
})

describe('an answer', () => {
  const whole = {
    thingId: 'a',
    createdAt: new Date('2026-01-02T03:04:05Z'),
    displayName: 'A',
    parentId: null,
    ownerNote: null,
    settings: { snake_key: 1, camelKey: { inner_key: 2 } },
    labels: { some_label: 'x', other: 'y' },
    parts: [{ partNo: 1 }],
    traceID: 't',
  } satisfies ResponseShape<typeof thing>

  it('takes the names of the contract, times as ISO 8601, and leaves the JSON of others as it is', () => {
    expect(toContract(thing, whole)).toEqual({
      thing_id: 'a',
      created_at: '2026-01-02T03:04:05.000Z',
      display_name: 'A',
      parent_id: null,
      owner_note: null,
      settings: whole.settings,
      labels: whole.labels,
      parts: [{ part_no: 1 }],
      traceID: 't',
    })
  })

  it.each([undefined, null, ''])('leaves out an optional field that is %p', (displayName) => {
    expect(toContract(thing, { ...whole, displayName })).not.toHaveProperty('display_name')
  })

  it('leaves out what the contract does not name: a secret in a row stays there', () => {
    const answer = toContract(thing, { ...whole, apiKey: 'secret', parts: [{ partNo: 1, secret: 'secret' }] })
    expect(JSON.stringify(answer)).not.toContain('secret')
  })

  it('keeps an empty text where the field is not optional', () => {
    expect(toContract(thing, { ...whole, thingId: '' })).toHaveProperty('thing_id', '')
  })

  it('follows the discriminator of a union, and leaves other unions as they are', () => {
    const union = z.discriminatedUnion('the_kind', [
      z.object({ the_kind: z.literal('one'), a_b: z.number() }),
      z.object({ the_kind: z.literal('two'), c_d: z.number() }),
    ])
    expect(toContract(union, { theKind: 'two', cD: 1, aB: 2 })).toEqual({ the_kind: 'two', c_d: 1 })
    expect(toContract(z.union([z.string(), z.object({ a_b: z.number() })]), { a_b: 1 })).toEqual({ a_b: 1 })
  })
})

describe('a request', () => {
  it('takes the names of the domain, and leaves the JSON of others as it is', () => {
    const body = { thing_id: 'a', created_at: 'x', parent_id: null, settings: { a_b: 1 }, labels: { c_d: 'e' } }
    const read = fromContract(thing, { ...body, parts: [{ part_no: 1 }] }) as RequestShape<typeof thing>
    expect(read).toEqual({
      thingId: 'a',
      createdAt: 'x',
      parentId: null,
      settings: { a_b: 1 },
      labels: { c_d: 'e' },
      parts: [{ partNo: 1 }],
    })
  })
})

describe('a body that may be left out', () => {
  const body = z.object({ grace_seconds: z.number().default(5) })

  it.each([
    ['a default', body.default({ grace_seconds: 5 })],
    ['what is parsed instead', body.prefault({})],
  ])('is translated as one that is given, with %s', (_what, schema) => {
    const read = fromContract(schema, schema.parse(undefined)) satisfies unknown as RequestShape<typeof schema>
    expect(read.graceSeconds).toBe(5)
  })
})

it('gives back what was given, whatever the fields are called', () => {
  const name = fc.stringMatching(/^[a-z]{1,4}(_[a-z0-9]{1,4}){0,3}$/)
  fc.assert(
    fc.property(fc.dictionary(name, fc.string({ minLength: 1 }), { maxKeys: 8 }), (value) => {
      const schema = z.object(Object.fromEntries(Object.keys(value).map((key) => [key, z.string()])))
      const camelNames = Object.keys(fromContract(schema, value) as object)
      fc.pre(camelNames.length === Object.keys(value).length)
      expect(toContract(schema, fromContract(schema, value))).toEqual(value)
    }),
    { numRuns: 2_000 },
  )
})
