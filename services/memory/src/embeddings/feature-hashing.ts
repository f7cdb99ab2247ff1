/**
 * The embedder of tenants without an embedding provider: no model and no network, just words and letters hashed into a
 * vector. It finds shared words and spellings, not meaning.
 *
 * Signed feature hashing ("the hashing trick"): Weinberger, Dasgupta, Langford, Smola, Attenberg, "Feature Hashing for
 * Large Scale Multitask Learning", ICML 2009. Each feature adds +1 or -1, by one bit of its hash, to the component that
 * other bits of it choose, so that collisions cancel out in expectation. Counts are damped as 1 + ln(count).
 */
import { fold, normalise } from '../text/fold.ts'
import { isStopWord } from '../text/stop-words.ts'
import { hangulStem, pairsOf, stemOf, tokensOf, type Token } from '../text/terms.ts'
import type { EmbeddingSpace } from './types.ts'

const dims = 256

export const featureHashingSpace: EmbeddingSpace = { provider: '', model: `term-hashing-${dims}`, dims }

/** How much a feature of each kind counts: whole words more than the trigrams that make up for their inflections. */
const weights = { word: 1, pair: 0.7, trigram: 0.3 }

/** FNV-1a over UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/), its bits mixed by MurmurHash3's finaliser. */
const hash = (feature: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < feature.length; i++) h = Math.imul(h ^ feature.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** What stands for a token: its stem, or each pair of characters where a script has no spaces. */
const wordsOfToken = ({ kind, text }: Token): string[] => {
  if (kind === 'dense') return pairsOf(text)
  if (kind === 'hangul') return [hangulStem(text), ...pairsOf(text).slice(0, -1)]
  return isStopWord(normalise(text)) ? [] : [stemOf(fold(text))]
}

const wordsOf = (text: string): string[] => {
  const words = [...tokensOf(text)].flatMap(wordsOfToken)
  return words.length > 0 ? words : [text.trim().toLowerCase()]
}

/** Features and how often each occurs; their kind is their first character. */
const countFeatures = (text: string): Map<string, number> => {
  const counts = new Map<string, number>()
  const add = (feature: string) => counts.set(feature, (counts.get(feature) ?? 0) + 1)
  const found = wordsOf(text)
  found.forEach((word, index) => {
    add(`w${word}`)
    const next = found[index + 1]
    if (next !== undefined) add(`p${word} ${next}`)
    const letters = [...`^${word}$`]
    for (let i = 0; i + 3 <= letters.length; i++) add(`t${letters.slice(i, i + 3).join('')}`)
  })
  return counts
}

const weightOf = (feature: string): number =>
  feature.startsWith('w') ? weights.word : feature.startsWith('p') ? weights.pair : weights.trigram

/** A vector of length 1 with 256 components; the same text always gives the same one. */
export const featureHash = (text: string): number[] => {
  const vector = new Array<number>(dims).fill(0)
  for (const [feature, count] of countFeatures(text)) {
    const bits = hash(feature)
    vector[bits % dims]! += ((bits & 0x8000_0000) === 0 ? 1 : -1) * weightOf(feature) * (1 + Math.log(count))
  }
  const norm = Math.hypot(...vector)
  // Features of a very short text may cancel out; a zero vector has no direction to compare.
  if (norm === 0) return vector.map((_, index) => (index === 0 ? 1 : 0))
  return vector.map((component) => component / norm)
}
