/** Tool schemas as each family of models takes them. */
import fc from 'fast-check'
import { cleanSchema, strictSchema, withoutStrictNulls, type SchemaProfile } from '../src/chat/protocols/schema.ts'

const profiles: SchemaProfile[] = ['anthropic', 'generic', 'gemini', 'xai', 'strict']

describe('references', () => {
  it('are replaced by what they point to, for every profile', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { $ref: '#/$defs/A', description: 'an a' },
        b: { type: 'array', items: { $ref: '#/definitions/B~1x' } },
      },
      $defs: { A: { type: 'string', description: 'original' } },
      definitions: { 'B/x': { type: 'integer' } },
    }
    for (const profile of profiles)
      expect(cleanSchema(schema, profile)).toEqual({
        type: 'object',
        properties: { a: { type: 'string', description: 'an a' }, b: { type: 'array', items: { type: 'integer' } } },
      })
  })

  it('that are circular, foreign or dangling become open', () => {
    const schema = {
      type: 'object',
      properties: {
        tree: { $ref: '#/$defs/Tree' },
        self: { $ref: '#' },
        foreign: { $ref: 'https://example.com/x.json' },
        gone: { $ref: '#/$defs/Gone' },
      },
      $defs: { Tree: { type: 'object', properties: { child: { $ref: '#/$defs/Tree' } } } },
    }
    const clean = cleanSchema(schema, 'anthropic')
    expect(JSON.stringify(clean)).not.toContain('$ref')
    expect(clean).toMatchObject({
      properties: { tree: { properties: { child: { type: 'object' } } }, foreign: {}, gone: {} },
    })
  })

  it('that multiply are cut off before they fill the memory', () => {
    const defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `L${at}`,
        { type: 'object', properties: { a: { $ref: `#/$defs/L${at + 1}` }, b: { $ref: `#/$defs/L${at + 1}` } } },
      ]),
    )
    const clean = cleanSchema({ $ref: '#/$defs/L0', $defs: defs }, 'generic')
    expect(JSON.stringify(clean).length).toBeLessThan(2_000_000)
  })

  it('are plain names where properties are called so', () => {
    const schema = {
      type: 'object',
      properties: { $ref: { type: 'string' }, default: { type: 'string' }, items: { type: 'string' } },
    }
    for (const profile of profiles) expect(cleanSchema(schema, profile)).toEqual(schema)
  })
})

describe('unions', () => {
  const within = (property: unknown): unknown => ({ type: 'object', properties: { p: property } })
  const cleaned = (property: unknown, profile: SchemaProfile): unknown =>
    (cleanSchema(within(property), profile)['properties'] as Record<string, unknown>)['p']

  it('are left to Anthropic as they are', () => {
    const union = { anyOf: [{ type: 'string' }, { type: 'null' }] }
    expect(cleaned(union, 'anthropic')).toEqual(union)
  })

  it.each(['generic', 'xai', 'strict'] as const)('of choices become one enum for %s', (profile) => {
    expect(cleaned({ oneOf: [{ const: 'a' }, { enum: ['b', 'c'] }], description: 'd' }, profile)).toEqual({
      type: 'string',
      enum: ['a', 'b', 'c'],
      description: 'd',
    })
  })

  it('of objects are merged, and only what all require stays required', () => {
    const one = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['a', 'b'] }
    const two = { type: 'object', properties: { a: { type: 'string' }, c: { type: 'string' } }, required: ['a', 'c'] }
    expect(cleaned({ anyOf: [one, two] }, 'generic')).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'string' } },
      required: ['a'],
    })
  })

  it('with null become nullable, and for Gemini lose the null', () => {
    const union = { anyOf: [{ type: 'string', maxLength: 3 }, { type: 'null' }], default: null }
    expect(cleaned(union, 'generic')).toEqual({ type: ['string', 'null'], maxLength: 3, default: null })
    expect(cleaned(union, 'gemini')).toEqual({ type: 'string' })
  })

  it('without a common form become their first variant', () => {
    expect(cleaned({ anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'string' }] }, 'generic')).toEqual({
      type: 'array',
      items: { type: 'string' },
    })
  })
})

describe('vendors', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      name: {
        type: 'string',
        minLength: 1,
        maxLength: 9,
        pattern: '^a',
        format: 'email',
        default: 'x',
        examples: ['a'],
      },
      kind: { const: 'k' },
      list: { type: 'array', items: { type: 'number', minimum: 0 }, minItems: 1, maxItems: 3 },
      nested: { properties: { x: { type: ['integer', 'null'] } }, additionalProperties: false },
    },
    required: ['name'],
    additionalProperties: false,
  }

  it('Gemini gets none of the words it refuses', () => {
    expect(cleanSchema(schema, 'gemini')).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        kind: { enum: ['k'] },
        list: { type: 'array', items: { type: 'number' } },
        nested: { properties: { x: { type: 'integer' } } },
      },
      required: ['name'],
    })
  })

  it('xAI gets no length limits; objects get their type', () => {
    const { properties } = cleanSchema(schema, 'xai') as { properties: Record<string, object> }
    expect(properties['name']).toEqual({
      type: 'string',
      pattern: '^a',
      format: 'email',
      default: 'x',
      examples: ['a'],
    })
    expect(properties['list']).toEqual({ type: 'array', items: { type: 'number', minimum: 0 } })
    expect(properties['nested']).toMatchObject({ type: 'object' })
  })

  it('everybody gets an object schema, whatever came', () => {
    for (const profile of profiles)
      for (const odd of [{}, true, null, 'x', { type: 'string' }, { required: ['a'] }])
        expect(cleanSchema(odd, profile)['type']).toBe('object')
  })
})

describe('strict mode', () => {
  const strict = (schema: unknown) => strictSchema(cleanSchema(schema, 'strict'))

  it('requires everything and makes optional properties nullable', () => {
    expect(
      strict({
        type: 'object',
        properties: {
          a: { type: 'string' },
          b: { type: 'integer', default: 3 },
          c: { enum: ['x', 'y'] },
          d: { type: 'array', items: { type: 'object', properties: { e: { type: 'boolean' } } } },
        },
        required: ['a', 'd'],
      }),
    ).toEqual({
      type: 'object',
      properties: {
        a: { type: 'string' },
        b: { type: ['integer', 'null'] },
        c: { type: ['string', 'null'], enum: ['x', 'y', null] },
        d: {
          type: 'array',
          items: {
            type: 'object',
            properties: { e: { type: ['boolean', 'null'] } },
            required: ['e'],
            additionalProperties: false,
          },
        },
      },
      required: ['a', 'b', 'c', 'd'],
      additionalProperties: false,
    })
  })

  it.each([
    ['tools that choose an action', { properties: { action: { type: 'string', enum: ['a', 'b'] } } }],
    ['maps with free keys', { properties: { env: { type: 'object', additionalProperties: { type: 'string' } } } }],
    ['objects without named properties', { properties: { any: { type: 'object' } } }],
    ['values of any type', { properties: { any: {} } }],
    ['patterns of names', { properties: {}, patternProperties: { x: { type: 'string' } } }],
  ])('is not for %s', (_what, schema) => {
    expect(strict(schema)).toBeUndefined()
  })

  it('is undone in the arguments', () => {
    const clean = cleanSchema(
      {
        type: 'object',
        properties: {
          a: { type: 'string' },
          b: { type: ['string', 'null'] },
          c: { type: 'array', items: { type: 'object', properties: { d: { type: 'string' } } } },
        },
        required: ['b'],
      },
      'strict',
    )
    expect(withoutStrictNulls({ a: null, b: null, c: [{ d: null }, { d: 'x' }], z: 1 }, clean)).toEqual({
      b: null,
      c: [{}, { d: 'x' }],
      z: 1,
    })
  })
})

it('cleans anything without throwing, changes nothing it was given, and is done after one pass', () => {
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom({ type: 'string' }, { type: 'null' }, { const: 1 }, { enum: ['a', null] }, true, { $ref: '#' }),
      fc.record(
        {
          type: fc.constantFrom('object', 'array', ['string', 'null']),
          properties: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', '$ref'), tie('node')),
          items: tie('node'),
          anyOf: fc.array(tie('node'), { maxLength: 3 }),
          oneOf: fc.array(tie('node'), { maxLength: 3 }),
          required: fc.subarray(['a', 'b', 'c']),
          additionalProperties: fc.oneof(fc.boolean(), tie('node')),
        },
        { requiredKeys: [] },
      ),
    ),
  }))
  fc.assert(
    fc.property(node, fc.constantFrom(...profiles), (schema, profile) => {
      const before = JSON.stringify(schema)
      const clean = cleanSchema(schema, profile)
      strictSchema(clean)
      expect(JSON.stringify(schema)).toBe(before)
      expect(JSON.parse(JSON.stringify(cleanSchema(clean, profile)))).toEqual(JSON.parse(JSON.stringify(clean)))
      expect(Object.getPrototypeOf(clean)).toBe(Object.prototype)
    }),
    { numRuns: 1_000 },
  )
})
