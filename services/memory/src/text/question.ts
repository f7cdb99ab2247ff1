/** What a question looks for, as PostgreSQL can match it against terms. */
import { fold, normalise } from './fold.ts'
import { lexeme } from './lexemes.ts'
import { isStopWord, withoutStopWordsInside } from './stop-words.ts'
import { cutTerm, hangulStem, pairsOf, partsOf, stemOf, tokensOf, type Token } from './terms.ts'

/** One way to find a word: a tsquery, and how much a match counts, up to 1. */
export interface Alternative {
  query: string
  weight: number
}

/** A word that is looked for; the best of its alternatives counts. */
export type Wanted = readonly Alternative[]

/** More words than that make a question no clearer. */
const mostWanted = 32
/** Shorter beginnings match too much. */
const shortestPrefix = 3
const weightApart = 0.3

const exact = (term: string, weight = 1): Alternative => ({ query: lexeme(term), weight })
const prefix = (term: string, weight: number): Alternative => ({ query: `${lexeme(term)}:*`, weight })

const wordWanted = (text: string): Wanted => {
  const folded = fold(text)
  const stem = stemOf(folded)
  const written = normalise(text)
  return [
    ...(written === folded ? [exact(stem)] : [exact(cutTerm(written)), exact(stem, 0.8)]),
    ...([...stem].length >= shortestPrefix ? [prefix(stem, 0.6)] : []),
  ]
}

/** Korean words are found by their beginning, as endings follow; a compound by the pairs in it. */
const hangulWanted = (text: string): Wanted => {
  const stem = [...hangulStem(cutTerm(text))]
  const beginnings = [0, 1, 2].filter((left) => left === 0 || stem.length - left >= 2)
  return beginnings.map((left) => prefix(stem.slice(0, stem.length - left).join(''), 1 - left * 0.3))
}

const hanPair = /^\p{sc=Han}{2}$/u

/** Two characters of Han are often a phrase made short, so that a text which has both apart says the same: 锁表, 锁住了订单表. */
const pairWanted = (pair: string): Wanted => {
  if (!hanPair.test(pair)) return [exact(pair)]
  // Each character of a text begins a term.
  const query = [...pair].map((character) => prefix(character, 1).query).join(' & ')
  return [exact(pair), { query: `(${query})`, weight: weightApart }]
}

const denseWanted = (run: string): Wanted[] => {
  const pairs = pairsOf(run)
  // The last character stands alone only where it is all there is.
  return pairs.length === 1 ? [[prefix(run, 1)]] : pairs.slice(0, -1).map(pairWanted)
}

const tokenWanted = ({ kind, text }: Token): Wanted[] => {
  if (kind === 'dense') return denseWanted(text)
  if (kind === 'hangul') return [hangulWanted(text)]
  return [wordWanted(text), ...partsOf(text).map(wordWanted)]
}

const withoutStopWords = (tokens: readonly Token[]): Token[] =>
  tokens.flatMap((token) => {
    if (token.kind === 'dense')
      return withoutStopWordsInside(token.text).map((text) => ({ kind: 'dense' as const, text }))
    return isStopWord(normalise(token.text)) ? [] : [token]
  })

/** The words that a question looks for, at most 32, each once; none of a text without letters and digits. */
export const wantedBy = (question: string): Wanted[] => {
  const tokens = [...tokensOf(question)]
  const telling = withoutStopWords(tokens)
  // Of stop words alone, they are what is looked for.
  const wanted = (telling.length > 0 ? telling : tokens).flatMap(tokenWanted)
  const unique = new Map(wanted.map((alternatives) => [alternatives[0]!.query, alternatives]))
  return [...unique.values()].slice(0, mostWanted)
}
