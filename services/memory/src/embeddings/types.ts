/** Embedders and the spaces of their vectors. */
import type { Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'

/** Vectors are comparable within one space only. */
export interface EmbeddingSpace {
  /** Empty for what is built in. */
  provider: string
  model: string
  dims: number
}

/** How a space is called in the database and in logs. */
export const spaceLabel = ({ provider, model }: EmbeddingSpace): string =>
  provider === '' ? model : `${provider}/${model}`

/** Who should embed; empty names leave it to the tenant's configuration. */
export interface EmbeddingWish {
  provider: string
  model: string
}

export interface Embedded {
  space: EmbeddingSpace
  /** In the order of the texts; undefined where what came cannot be used. */
  vectors: (readonly number[] | undefined)[]
}

export interface Embedder {
  /** @throws whatever the provider fails with */
  embed: (call: Call, texts: readonly string[], wish: EmbeddingWish) => Promise<Embedded>
  /** The space in which `embed` would answer now, remembered for a while. */
  spaceOf: (call: Call, wish: EmbeddingWish) => Promise<EmbeddingSpace>
  clearSpaces: () => void
}

export const wishOf = ({ settings }: MemoryAgent): EmbeddingWish => ({
  provider: settings.embeddingProvider,
  model: settings.embeddingModel,
})
