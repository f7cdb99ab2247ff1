import fc from 'fast-check'
import { rank } from '../src/search/rank.ts'
import type { Hit } from '../src/search/types.ts'

let count = 0
const hit = (overrides: Partial<Hit> = {}): Hit => ({
  path: `${++count}.md`,
  startLine: 1,
  endLine: 9,
  part: 0,
  text: `text number ${count}`,
  userId: '',
  score: 1,
  ...overrides,
})
const rules = { minScore: 0, maxResults: 6 }

describe('ranked hits', () => {
  it('count 1.2 times when personal', () => {
    const [first, second] = rank([hit({ score: 0.5 }), hit({ score: 0.5, userId: 'bob' })], rules)
    expect(first).toMatchObject({ scope: 'personal', score: 0.6 })
    expect(second).toMatchObject({ scope: 'global', score: 0.5 })
  })

  it('are the personal one of two at the same place, even where the shared one fits better by itself', () => {
    const place = { path: 'a.md', startLine: 3, endLine: 5 }
    const both = [
      hit({ ...place, text: 'general', score: 0.5 }),
      hit({ ...place, text: 'own', userId: 'bob', score: 0.45 }),
    ]
    for (const hits of [both, both.toReversed()])
      expect(rank(hits, rules).map(({ snippet }) => snippet)).toEqual(['own'])
  })

  it('are the best of texts that say the same, and all that say something else', () => {
    const hits = [
      hit({ text: 'The heron nests in tall trees near the water', score: 0.9 }),
      hit({ text: 'the HERON nests in tall trees, near the water!', score: 0.8 }),
      hit({ text: 'The heron does not nest here', score: 0.7 }),
    ]
    expect(rank(hits, rules).map(({ score }) => score)).toEqual([0.9, 0.7])
  })

  it('are not those far below the best', () => {
    expect(rank([hit({ score: 0.8 }), hit({ score: 0.21 }), hit({ score: 0.19 })], rules)).toHaveLength(2)
  })

  it('come best first, above the floor, no more than wanted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 10 }),
        (some, minScore, maxResults) => {
          const found = rank(
            some.map((score) => hit({ score })),
            { minScore, maxResults },
          )
          const scores = found.map(({ score }) => score)
          expect(scores.length).toBeLessThanOrEqual(maxResults)
          expect(scores).toEqual(scores.toSorted((a, b) => b - a))
          if (minScore > 0) for (const score of scores) expect(score).toBeGreaterThanOrEqual(minScore)
        },
      ),
    )
  })
})
