/** How memory works for one agent. Nothing in a config is an error: what makes no sense is ignored. */
import { z } from 'zod'
import type { ChunkSizes } from '../chunks/chunker.ts'

export interface MemorySettings {
  /** Where absent, the tenant's system config decides, then the default. */
  chunkLength: number | undefined
  chunkOverlap: number | undefined
  maxResults: number
  /** Floor of the agent's own searches, unless a search names another. */
  minScore: number
  /** What the sides of a search count; where absent, that depends on who embeds. */
  textWeight: number | undefined
  vectorWeight: number | undefined
  /** Provider and model to embed with; empty means what the tenant has configured. */
  embeddingProvider: string
  embeddingModel: string
  /** The agent's runs know no personal documents. */
  shareMemory: boolean
  /** All users of the agent have one graph. */
  shareKnowledgeGraph: boolean
}

const maybe = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)
const chunkLength = maybe(z.coerce.number().int().min(100).max(8_000))
const overlapLength = maybe(z.coerce.number().int().min(0).max(4_000))
const weight = maybe(z.number().min(0).max(1))
const name = maybe(z.string().max(255))

const memoryConfig = z
  .object({
    max_chunk_len: chunkLength,
    chunk_overlap: overlapLength,
    max_results: maybe(z.number().int().min(1).max(100)),
    min_score: maybe(z.number()),
    text_weight: weight,
    vector_weight: weight,
    embedding_provider: name,
    embedding_model: name,
    share_memory: maybe(z.boolean()),
    share_knowledge_graph: maybe(z.boolean()),
  })
  .catch({})
const systemConfig = z
  .object({ 'embedding.max_chunk_len': chunkLength, 'embedding.chunk_overlap': overlapLength })
  .catch({})

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** Settings of an agent from its memory_config (JSON). */
export const readMemorySettings = (agent: {
  memoryConfigJson: string
  shareMemory: boolean
  shareKnowledgeGraph: boolean
}): MemorySettings => {
  const config = memoryConfig.parse(parseJson(agent.memoryConfigJson))
  return {
    chunkLength: config.max_chunk_len,
    chunkOverlap: config.chunk_overlap,
    maxResults: config.max_results ?? 6,
    minScore: config.min_score ?? 0,
    textWeight: config.text_weight,
    vectorWeight: config.vector_weight,
    embeddingProvider: config.embedding_provider ?? '',
    embeddingModel: config.embedding_model ?? '',
    shareMemory: agent.shareMemory || config.share_memory === true,
    shareKnowledgeGraph: agent.shareKnowledgeGraph || config.share_knowledge_graph === true,
  }
}

/** Sizes of chunks: the agent's, else the tenant's (`embedding.max_chunk_len`, `embedding.chunk_overlap`), else 1000 and 200. */
export const chunkSizes = (
  { chunkLength: ownLength, chunkOverlap: ownOverlap }: MemorySettings,
  systemValues: Readonly<Record<string, string>>,
): ChunkSizes => {
  const tenant = systemConfig.parse(systemValues)
  return {
    maxLength: ownLength ?? tenant['embedding.max_chunk_len'] ?? 1_000,
    overlap: ownOverlap ?? tenant['embedding.chunk_overlap'] ?? 200,
  }
}
