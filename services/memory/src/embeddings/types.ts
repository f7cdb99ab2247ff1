/** What memory needs of other services, as its use cases ask for it. */
import type { Call } from '@clawmesh/chassis'
import type { ChunkSizes } from '../chunks/chunker.ts'
import type { MemorySettings } from '../agents/settings.ts'
import type { EmbeddingSpace } from '../documents/types.ts'

export interface MemoryAgent {
  id: string
  settings: MemorySettings
}

/** Finds an agent of the caller's tenant by id or key; an empty one means the default agent. @throws NOT_FOUND */
export type FindAgent = (call: Call, idOrKey: string) => Promise<MemoryAgent>

/** How the documents of an agent are cut. */
export type ChunkSizesOf = (call: Call, settings: MemorySettings) => Promise<ChunkSizes>

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
  forgetSpaces: () => void
}

export const wishOf = ({ settings }: MemoryAgent): EmbeddingWish => ({
  provider: settings.embeddingProvider,
  model: settings.embeddingModel,
})
