/** Which of the found chunks are shown, and in which order. */
import { leastShare } from '../hybrid/score.ts'
import { sharedWords } from '../text/similarity.ts'
import { wordsOf } from '../text/terms.ts'
import type { Hit, SearchResult } from './types.ts'

export interface RankRules {
  /** Results below it are dropped; 0 drops none. */
  minScore: number
  maxResults: number
}

/** What a personal hit counts more than one of the agent's own documents. */
const personalBoost = 1.2
/** Two texts that share so much of their words say the same. */
const nearDuplicate = 0.9

const byScore = (a: Hit, b: Hit): number =>
  b.score - a.score || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.startLine - b.startLine || a.part - b.part)

/** The best hits of different texts: what nearly repeats a better one is left out. */
const withoutRepeats = (hits: readonly Hit[], most: number): Hit[] => {
  const kept: { hit: Hit; words: ReadonlySet<string> }[] = []
  for (const hit of hits) {
    if (kept.length === most) break
    const words = wordsOf(hit.text)
    const isPlace = (other: Hit) =>
      other.path === hit.path && other.startLine === hit.startLine && other.part === hit.part
    const repeats = kept.some((known) => isPlace(known.hit) || sharedWords(known.words, words) >= nearDuplicate)
    if (!repeats) kept.push({ hit, words })
  }
  return kept.map(({ hit }) => hit)
}

/**
 * Results, best first: a personal hit counts 1.2 times and stands for a shared one at the same place or of the same text,
 * what is far below the best is left out.
 */
export const rank = (hits: readonly Hit[], { minScore, maxResults }: RankRules): SearchResult[] => {
  const boosted = hits.map((hit) => ({ ...hit, score: hit.score * (hit.userId === '' ? 1 : personalBoost) }))
  const best = Math.max(0, ...boosted.map(({ score }) => score))
  const good = boosted.filter(({ score }) => score >= best * leastShare && (minScore <= 0 || score >= minScore))
  // Where a personal text and a shared one say the same, the personal one is to be met first.
  return withoutRepeats(good.toSorted(byScore), maxResults).map(
    ({ path, startLine, endLine, text, userId, score }) => ({
      path,
      startLine,
      endLine,
      score,
      snippet: text,
      scope: userId === '' ? 'global' : 'personal',
    }),
  )
}
