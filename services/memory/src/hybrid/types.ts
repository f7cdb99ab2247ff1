/** What is searched by words and by meaning: chunks of documents, entities of a graph. */
import type { EmbeddingSpace } from '../embeddings/types.ts'

export interface Scope {
  agentId: string
  /** Whose rows; an empty one stands for the agent as a whole, undefined for everybody's. */
  userIds: readonly string[] | undefined
  limit: number
}

export interface VectorQuery {
  space: EmbeddingSpace
  vector: readonly number[]
}

/** How well a row answers a question, before anything is weighed. */
export interface Measured {
  id: string
  /** The share of what is looked for that the row has, rare words counting for more, 0 to 1. */
  coverage: number
  /** Cosine of the angle to the question; undefined where the row has no comparable vector. */
  cosine: number | undefined
}
