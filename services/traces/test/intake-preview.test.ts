import fc from 'fast-check'
import { cutPreview } from '../src/intake/preview.ts'

const characters = (text: string) => [...text].length
const anyText = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '字', '😀', '"', '[', '\\'), maxLength: 400 })

describe('a preview', () => {
  it('is the text itself when that is short enough, counted in characters', () => {
    expect(cutPreview('😀'.repeat(100), 100)).toBe('😀'.repeat(100))
  })

  it('keeps two thirds of it from the head and a third from the tail, and says how much is left out', () => {
    const cut = cutPreview('h'.repeat(50_000) + 't'.repeat(50_000), 40_000)
    const [, head, omitted, tail] = /^(h+)\n\.\.\. \[(\d+) characters omitted\] \.\.\.\n(t+)$/.exec(cut)!
    expect(head!.length / tail!.length).toBeCloseTo(2, 2)
    expect(head!.length + tail!.length + Number(omitted)).toBe(100_000)
    expect(cut.length).toBeGreaterThan(39_990)
  })

  it('is never longer than the limit, nor does it break a character', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 200 }), (text, limit) => {
        const cut = cutPreview(text, limit)
        return characters(cut) <= limit && cut.isWellFormed()
      }),
    )
  })

  it('does not change when it is cut again', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 60, max: 200 }), (text, limit) => {
        const cut = cutPreview(text, limit)
        return cutPreview(cut, limit) === cut
      }),
    )
  })

  it('accounts for every character of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '😀'), minLength: 101, maxLength: 400 }), (text) => {
        const [head, omitted, tail] = cutPreview(text, 100).split(/\n\.\.\. \[(\d+) characters omitted\] \.\.\.\n/)
        return (
          text.startsWith(head!) &&
          text.endsWith(tail!) &&
          characters(head!) + Number(omitted) + characters(tail!) === characters(text)
        )
      }),
    )
  })

  it('of a JSON array stays JSON, without elements from its middle', () => {
    const messages = Array.from({ length: 100 }, (_, index) => ({ role: 'user', content: `message ${index}` }))
    const cut = JSON.parse(cutPreview(JSON.stringify(messages), 1_000)) as object[]
    expect(cut[0]).toEqual(messages[0])
    expect(cut.at(-1)).toEqual(messages.at(-1))
    expect(cut).toContainEqual({ __truncated__: `${101 - cut.length} elements omitted` })
  })

  it('of any JSON array is within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 200 }), (array, limit) => {
        return characters(cutPreview(JSON.stringify(array), limit)) <= limit
      }),
    )
  })
})

it('of an array of more values than are worth a look is that of a text', () => {
  const preview = cutPreview(`[${'{},'.repeat(30_000)}0]`, 1_000)
  expect(preview).toContain('characters omitted')
  expect(preview).not.toContain('elements omitted')
})
