import fc from 'fast-check'
import {
  cutText,
  cutTextStart,
  deliverLinks,
  isDeeperThan,
  isJsonDeeperThan,
  jsonExcess,
  jsonValues,
  redactDeep,
  redacted,
  redactSecrets,
  trimEndOf,
  trimOf,
} from '@clawmesh/chassis'
import { checkPublicUrl } from '@clawmesh/chassis/fetch'
import { expectLinear, hostilePieces, repeated } from '../../test/support/linear-time.ts'

const anyText = fc.string({ unit: fc.constantFrom('a', '字', '😀', '\n'), maxLength: 60 })

describe('a cut', () => {
  it.each([
    ['ab😀', 3, 'ab'],
    ['ab😀', 4, 'ab😀'],
    ['😀😀', 1, ''],
    ['abc', 0, ''],
    ['abc', -1, ''],
    ['abc', 9, 'abc'],
  ])('of %j at %d is %j', (text, maxChars, cut) => expect(cutText(text, maxChars)).toBe(cut))

  it('never halves a character, loses at most one unit, and stays a part of the text', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 130 }), (text, maxChars) => {
        for (const [cut, isPart] of [
          [cutText(text, maxChars), (part: string) => text.startsWith(part)],
          [cutTextStart(text, maxChars), (part: string) => text.endsWith(part)],
        ] as const) {
          expect(cut.isWellFormed() && isPart(cut)).toBe(true)
          expect(cut.length).toBeLessThanOrEqual(maxChars)
          expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, maxChars) - 1)
        }
      }),
    )
  })
})

describe('trimming a character', () => {
  it('is what a pattern would do', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '-'), maxLength: 12 }), (text) => {
        expect(trimEndOf(text, '-')).toBe(text.replace(/-+$/, ''))
        expect(trimOf(text, '-')).toBe(text.replace(/^-+|-+$/g, ''))
      }),
    )
  })
})

describe('the depth of JSON', () => {
  it.each(['[', '{"a":'])('is seen of 50,000 levels of %s without a stack as deep', (open) => {
    const close = open === '[' ? ']' : '}'
    const json = `${open.repeat(50_000)}1${close.repeat(50_000)}`
    expect(isJsonDeeperThan(json)).toBe(true)
    expect(isDeeperThan(JSON.parse(json))).toBe(true)
    expect(redactDeep(JSON.parse(json))).toEqual(expect.stringContaining('nested deeper'))
  })

  it('is the same for a value and for its text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 7 }), (value, limit) => {
        expect(isJsonDeeperThan(JSON.stringify(value), limit)).toBe(isDeeperThan(value, limit))
      }),
    )
  })
})

describe('what JSON is made of', () => {
  const entries = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.values(value) : []
  const countOf = (value: unknown): number => entries(value).reduce<number>((sum, inner) => sum + countOf(inner), 1)
  const keysOf = (value: unknown): number =>
    entries(value).reduce<number>((sum, inner) => sum + keysOf(inner), 0) +
    (Array.isArray(value) ? 0 : entries(value).length)
  const spelt = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ',', ':', 'a'), maxLength: 8 })
  const { value: anyValue } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      spelt,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(spelt, tie('value'), { maxKeys: 4 }),
    ),
  }))

  it('is counted as its values are, whatever its texts are spelt with', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const json = JSON.stringify(value)
        const [values, keys] = [countOf(value), keysOf(value)]
        expect(jsonValues(json, 1_000)).toBe(values)
        expect(jsonExcess(json, { depth: 100, values, keys })).toBeUndefined()
        expect(jsonExcess(json, { depth: 100, values: values - 1 })).toBe('values')
        if (keys > 0) expect(jsonExcess(json, { depth: 100, values, keys: keys - 1 })).toBe('keys')
      }),
      { numRuns: 1_000 },
    )
  })

  it('is counted no further than to the limit', () => expect(jsonValues(`[${'{},'.repeat(1_000)}`, 10)).toBe(11))
})

describe('redaction', () => {
  it.each([
    ['eyJ-eyJ-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl', redacted],
    ['token-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!', `token-${redacted}!`],
    ['https://user:hunter2@host/path', `https://user:${redacted}@host/path`],
  ])('of %s', (text, clean) => expect(redactSecrets(text)).toBe(clean))

  it('takes whole texts whose field is named after a credential', () => {
    expect(redactDeep({ apiKey: 'a b', note: 'a b', list: [{ password: 'x' }] })).toEqual({
      apiKey: redacted,
      note: 'a b',
      list: [{ password: redacted }],
    })
  })
})

describe.each([
  // With a sign of each kind of credential, so that no pattern is spared the text.
  ['redactSecrets', (text: string) => redactSecrets(`${text} .eyJ :// =`)],
  ['deliverLinks', (text: string) => deliverLinks(`/v1/files/x ${text}`, () => 'ft=1')],
  ['trimOf', (text: string) => trimOf(text, '-')],
  ['cutText', (text: string) => cutText(text, text.length / 2)],
  ['isJsonDeeperThan', (text: string) => isJsonDeeperThan(text, Number.POSITIVE_INFINITY)],
] as const)('%s takes time in proportion to its text', (_name, work) => {
  it.each(hostilePieces)('made of %j', (piece) => expectLinear(work, repeated(piece)))
})

it.each(['\\"', '\\\\"', '"\\', '""'])('JSON full of %j is looked through in linear time', (piece) =>
  expectLinear((text) => jsonValues(text, Infinity), repeated(piece)),
)

it.each(['.', 'a.', '-', '@', '%41', '['])('a URL whose host is full of %j is judged in linear time', (piece) =>
  expectLinear(
    (text) => {
      try {
        return checkPublicUrl(text)
      } catch {
        return undefined
      }
    },
    (chars) => `http://${piece.repeat(chars / piece.length)}a/`,
  ),
)
