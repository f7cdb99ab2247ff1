/** Who embeds for tenants without an embedding provider: hashed words, or a sentence model beside them where one is installed. */
import { featureHash, featureHashingSpace } from './feature-hashing.ts'
import type { SentenceModel } from './sentence-model.ts'
import type { EmbeddingSpace } from './types.ts'

export interface BuiltIn {
  space: EmbeddingSpace
  embed: (texts: readonly string[], signal: AbortSignal) => Promise<readonly (readonly number[])[]>
}

export const hashingAlone: BuiltIn = {
  space: featureHashingSpace,
  embed: async (texts) => texts.map(featureHash),
}

/** The width of the model's vectors. */
const meaningDims = 512
/** How much of a cosine is the model's. It knows English and little of other scripts, which hashed words find as well as ever. */
const shareOfMeaning = 0.7

export const sentenceSpace: EmbeddingSpace = {
  provider: '',
  model: `universal-sentence-encoder-lite-en+${featureHashingSpace.model}`,
  dims: meaningDims + featureHashingSpace.dims,
}

const scaled = (vector: readonly number[], share: number): number[] =>
  vector.map((value) => (value / (Math.hypot(...vector) || 1)) * Math.sqrt(share))

/**
 * Both vectors of a text behind each other, each of a length that makes the cosine of two texts the weighted mean of
 * their two cosines.
 */
export const withSentences = (model: Pick<SentenceModel, 'embed'>): BuiltIn => ({
  space: sentenceSpace,
  embed: async (texts, signal) => {
    const meanings = await model.embed(texts, signal)
    return texts.map((text, index) => {
      const meaning = meanings[index]
      if (meaning?.length !== meaningDims)
        throw new Error(`the sentence model gave a vector of width ${meaning?.length}`)
      return [...scaled(meaning, shareOfMeaning), ...scaled(featureHash(text), 1 - shareOfMeaning)]
    })
  },
})
