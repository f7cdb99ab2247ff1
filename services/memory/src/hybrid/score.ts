/** One score of a row out of its words and its nearness, and what is no answer at all. */
import type { EmbeddingSpace } from '../embeddings/types.ts'
import { fold } from '../text/fold.ts'
import type { Measured } from './types.ts'

export interface Weights {
  text: number
  vector: number
}

/** What a side counts unless the agent says otherwise. The built-in embedder knows no meaning, so words go first there. */
export const usualWeights = (space: EmbeddingSpace | undefined): Weights =>
  space?.provider === '' ? { text: 0.7, vector: 0.3 } : { text: 0.3, vector: 0.7 }

/** A row with less of the words than that, and not near either, has nothing to do with the question. */
const leastCoverage = 0.12
/** Texts about different things are this near to each other: in the built-in space by chance, else by language. */
const leastCosine = (space: EmbeddingSpace | undefined): number => (space?.provider === '' ? 0.35 : 0.15)
/** Next to the best result, what scores less than this share of it is noise. */
export const leastShare = 0.25

/** Whether a row has to do with the question. */
export const isRelated = ({ coverage, cosine }: Measured, space: EmbeddingSpace | undefined): boolean =>
  coverage >= leastCoverage || (cosine ?? -1) >= leastCosine(space)

/**
 * coverage * text + cosine * vector, over the sum of the weights; 0 to 1. A side that is missing, or that found nothing
 * in any row, leaves the other whole.
 */
export const scoreOf = ({ coverage, cosine }: Measured, { text, vector }: Weights, hasText: boolean): number => {
  const near = Math.max(0, cosine ?? 0)
  if (cosine === undefined) return coverage
  if (!hasText) return near
  return text + vector === 0 ? 0 : (coverage * text + near * vector) / (text + vector)
}

/** Questions shorter than this stand in any text by chance. */
const shortestPhrase = 3

/** Lifts a score half of the way to 1 where the question stands in a text as it is, but for case and accents. */
export const liftExact = (score: number, question: string, text: string): number => {
  const phrase = fold(question).trim()
  return [...phrase].length >= shortestPhrase && fold(text).includes(phrase) ? score + (1 - score) / 2 : score
}
