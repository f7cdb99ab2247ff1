/** One score of a row out of its words and its nearness, and what is no answer at all. */
import { sentenceSpace } from '../embeddings/built-in.ts'
import { featureHashingSpace } from '../embeddings/feature-hashing.ts'
import { spaceLabel, type EmbeddingSpace } from '../embeddings/types.ts'
import { fold } from '../text/fold.ts'
import type { Measured } from './types.ts'

export interface Weights {
  text: number
  vector: number
}

interface SpaceRules {
  /** What a side counts unless the agent says otherwise. */
  weights: Weights
  /** Texts about different things are this near to each other. */
  leastCosine: number
}

/** Built-in spaces know little or nothing of meaning, so words go first there; what is near is so by chance, or by language. */
const builtInRules: Readonly<Record<string, SpaceRules>> = {
  [spaceLabel(featureHashingSpace)]: { weights: { text: 0.7, vector: 0.3 }, leastCosine: 0.35 },
  [spaceLabel(sentenceSpace)]: { weights: { text: 0.6, vector: 0.4 }, leastCosine: 0.2 },
}
const providerRules: SpaceRules = { weights: { text: 0.3, vector: 0.7 }, leastCosine: 0.15 }

const rulesOf = (space: EmbeddingSpace | undefined): SpaceRules =>
  (space?.provider === '' ? builtInRules[spaceLabel(space)] : undefined) ?? providerRules

export const usualWeights = (space: EmbeddingSpace | undefined): Weights => rulesOf(space).weights

/** A row with less of the words than that, and not near either, has nothing to do with the question. */
const leastCoverage = 0.12
/** Next to the best result, what scores less than this share of it is noise. */
export const leastShare = 0.25

/** Whether a row has to do with the question. */
export const isRelated = ({ coverage, cosine }: Measured, space: EmbeddingSpace | undefined): boolean =>
  coverage >= leastCoverage || (cosine ?? -1) >= rulesOf(space).leastCosine

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

/** Lifts a score half of the way to 1 where a question stands in a text as it is, but for case and accents. */
export const createLift = (question: string): ((score: number, text: string) => number) => {
  const phrase = fold(question).trim()
  if ([...phrase].length < shortestPhrase) return (score) => score
  return (score, text) => (fold(text).includes(phrase) ? score + (1 - score) / 2 : score)
}
