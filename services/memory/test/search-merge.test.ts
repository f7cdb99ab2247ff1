import fc from 'fast-check'
import { mergeHits } from '../src/search/merge-hits.ts'
import type { Hit } from '../src/search/types.ts'

const hit = (overrides: Partial<Hit>): Hit => ({
  path: 'a.md',
  startLine: 1,
  endLine: 9,
  part: 0,
  text: 'text',
  userId: '',
  score: 1,
  ...overrides,
})
const rules = { textWeight: 0.3, vectorWeight: 0.7, minScore: 0, maxResults: 6 }

describe('merged hits', () => {
  it('add up: raw score times weight', () => {
    const [found] = mergeHits([hit({ score: 0.5 })], [hit({ score: 0.8 })], rules)
    expect(found!.score).toBeCloseTo(0.5 * 0.3 + 0.8 * 0.7, 12)
  })

  it('weigh 1 when the other side found nothing', () => {
    expect(mergeHits([hit({ score: 0.5 })], [], rules)[0]!.score).toBe(0.5)
    expect(mergeHits([], [hit({ score: 0.5 })], rules)[0]!.score).toBe(0.5)
  })

  it('count 1.2 times when personal, and then give snippet and scope', () => {
    const both = [hit({ text: 'own', userId: 'bob', score: 1 }), hit({ text: 'general', score: 1 })]
    for (const hits of [both, both.toReversed()]) {
      const found = mergeHits(hits, [], rules)
      expect(found).toEqual([{ path: 'a.md', startLine: 1, endLine: 9, snippet: 'own', scope: 'personal', score: 2.2 }])
    }
  })

  it('belong together by path and first line, not across the parts of one line', () => {
    const found = mergeHits([hit({}), hit({ startLine: 2 }), hit({ path: 'b.md' }), hit({ part: 1 })], [], rules)
    expect(found).toHaveLength(4)
  })

  it('come best first, above the floor, no more than wanted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ startLine: fc.nat(20), score: fc.double({ min: -1, max: 1, noNaN: true }) })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 10 }),
        (some, minScore, maxResults) => {
          const found = mergeHits(
            some.map((part) => hit(part)),
            [],
            { ...rules, minScore, maxResults },
          )
          expect(found.length).toBeLessThanOrEqual(maxResults)
          expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).toSorted((a, b) => b - a))
          if (minScore > 0) for (const { score } of found) expect(score).toBeGreaterThanOrEqual(minScore)
        },
      ),
    )
  })
})
