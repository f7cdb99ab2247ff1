/** What a text is found by. Scripts without spaces and Korean are found by pairs of characters, words by their stems. */
import { cutText } from '@clawmesh/chassis'
import { stemmer } from 'stemmer'
import { fold, isAscii, normalise } from './fold.ts'

/** A word of one kind of script, as it stands in the text. */
export interface Token {
  kind: 'word' | 'hangul' | 'dense'
  text: string
}

/** Scripts that put no space between words. */
const dense = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}ー'
const tokenPattern = new RegExp(
  `(?<dense>[${dense}]+)|(?<hangul>\\p{sc=Hangul}+)|(?<word>[[\\p{L}\\p{N}]--[${dense}\\p{sc=Hangul}]][[\\p{L}\\p{N}\\p{M}]--[${dense}\\p{sc=Hangul}]]*)`,
  'gv',
)
/** No word is longer; what is, is data. */
const longestTerm = 64
/** A word as a term: what is longer is found by its beginning. */
export const cutTerm = (word: string): string => cutText(word, longestTerm)

/** The words of a text in order. */
export function* tokensOf(text: string): Generator<Token> {
  if (isAscii(text)) {
    for (const [word] of text.matchAll(/[a-z0-9]+/gi)) yield { kind: 'word', text: word }
    return
  }
  for (const { groups } of text.normalize('NFKC').matchAll(tokenPattern)) {
    const { dense: run, hangul, word } = groups!
    if (run !== undefined) yield { kind: 'dense', text: run }
    else if (hangul !== undefined) yield { kind: 'hangul', text: hangul }
    else if (word !== undefined) yield { kind: 'word', text: word }
  }
}

/** `deployments` -> `deploi`; the ending that Porter's rules leave in two forms is made one. */
export const stemOf = (folded: string): string =>
  folded.length > longestTerm ? cutTerm(folded) : stemmer(folded).replace(/y$/, 'i')

/** `getUserName` -> `get`, `User`, `Name`; nothing of a word that is not made of several. */
export const partsOf = (word: string): string[] => {
  const parts = cutText(word, 4 * longestTerm).split(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/u)
  return parts.length > 1 ? parts : []
}

/** Pairs of neighbours, and the last character, so that each character begins a term. */
export const pairsOf = (run: string): string[] => {
  const characters = [...run]
  return characters.map((character, index) => character + (characters[index + 1] ?? ''))
}

/** Endings that Korean puts to nouns, the longest first. */
const particles =
  /(?<=\p{sc=Hangul}{2})(?:에서는|으로는|이라는|에서|에게|으로|까지|부터|보다|처럼|한테|이나|은|는|이|가|을|를|의|에|로|와|과|도|만)$/u

/** A Korean word without its particle. */
export const hangulStem = (word: string): string => word.replace(particles, '')

const termsOfToken = ({ kind, text }: Token): string[] => {
  if (kind === 'dense') return pairsOf(text)
  if (kind === 'hangul') {
    const word = cutTerm(text)
    return [word, hangulStem(word), ...pairsOf(word)]
  }
  const folded = fold(text)
  const written = cutTerm(normalise(text))
  return [stemOf(folded), ...(written === folded ? [] : [written]), ...partsOf(text).map((part) => stemOf(fold(part)))]
}

/** All that a text is found by, each once: stems without accents, the accented words too, pairs of characters. */
export const termsOf = (text: string): string[] => {
  const terms = new Set<string>()
  // Most words of a text stand in it more than once, and a stem takes many times as long as a look.
  const seen = new Set<string>()
  for (const token of tokensOf(text)) {
    if (seen.has(token.text)) continue
    seen.add(token.text)
    for (const term of termsOfToken(token)) terms.add(term)
  }
  return [...terms]
}

/** What a text says, however it is spelled: words without accents or case, pairs of characters where there are no words. */
export const wordsOf = (text: string): ReadonlySet<string> => {
  const words = new Set<string>()
  for (const { kind, text: word } of tokensOf(fold(text)))
    if (kind === 'word') words.add(word)
    else for (const pair of pairsOf(word)) words.add(pair)
  return words
}
