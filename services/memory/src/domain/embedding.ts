/** Gives stored chunks their vectors: from the cache, else from the embedder, in batches. */
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryStore } from '../store/store.ts'
import { featureHash } from './feature-hashing.ts'
import { wishOf, type Embedder, type EmbeddingWish, type MemoryAgent } from './ports.ts'
import type { EmbeddingSpace, WaitingChunk } from './types.ts'

export const embeddingBatch = 50
/** What the provider refuses or answers uselessly today, it will hardly take in a minute. */
const refusedPauseMs = 24 * 3_600_000

interface Parts {
  store: MemoryStore
  embedder: Embedder
  log: Logger
  retryMs: number
}

type Vectors = ReadonlyMap<string, readonly number[]>

const isSame = (a: EmbeddingSpace, b: EmbeddingSpace): boolean =>
  a.provider === b.provider && a.model === b.model && a.dims === b.dims

export const createChunkEmbedding = ({ store, embedder, log, retryMs }: Parts) => {
  /** Vectors by hash; texts of equal hash are embedded once, known ones not at all. */
  const vectorsOf = async (
    call: Call,
    wish: EmbeddingWish,
    chunks: readonly WaitingChunk[],
  ): Promise<{ space: EmbeddingSpace; vectors: Vectors }> => {
    const texts = new Map(chunks.map(({ hash, text }) => [hash, text]))
    const space = await embedder.spaceOf(call, wish)
    if (space.provider === '') return { space, vectors: new Map([...texts].map(([h, text]) => [h, featureHash(text)])) }

    const cache = store.vectorCache(call.caller.tenantId)
    const known = await cache.find(space, [...texts.keys()])
    const misses = [...texts].filter(([hash]) => !known.has(hash))
    if (misses.length === 0) return { space, vectors: known }
    const answer = await embedder.embed(
      call,
      misses.map(([, text]) => text),
      wish,
    )
    if (!isSame(answer.space, space)) {
      // The configuration has changed meanwhile; what the cache gave belongs to the model before.
      embedder.forgetSpaces()
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'embedding model' })
    }
    const fresh = new Map(
      misses.flatMap(([hash], index) => (answer.vectors[index] ? [[hash, answer.vectors[index]]] : [])),
    )
    await cache.add(space, fresh)
    return { space, vectors: new Map([...known, ...fresh]) }
  }

  const putOff = (tenantId: string, chunks: readonly WaitingChunk[], ms: number): Promise<void> =>
    store.chunks(tenantId).putOff(
      chunks.map(({ id }) => id),
      ms,
    )

  const embedBatch = async (call: Call, wish: EmbeddingWish, chunks: readonly WaitingChunk[]): Promise<void> => {
    const { tenantId } = call.caller
    const { space, vectors } = await vectorsOf(call, wish, chunks)
    const found = chunks.flatMap(({ id, hash }) => {
      const vector = vectors.get(hash)
      return vector === undefined ? [] : [{ id, vector }]
    })
    await store.chunks(tenantId).setVectors(space, found)
    const useless = chunks.filter(({ hash }) => !vectors.has(hash))
    if (useless.length === 0) return
    log.warn({ tenantId, chunks: useless.length, space }, 'vectors of a wrong width or without a direction')
    await putOff(tenantId, useless, refusedPauseMs)
  }

  /** Halves a refused batch until the refused text is alone, which is then left without a vector. */
  const embedAround = async (call: Call, wish: EmbeddingWish, chunks: readonly WaitingChunk[]): Promise<void> => {
    try {
      await embedBatch(call, wish, chunks)
    } catch (thrown) {
      if (!(thrown instanceof MeshError && thrown.code === 'INVALID_REQUEST')) throw thrown
      if (chunks.length === 1) {
        log.warn({ err: thrown, tenantId: call.caller.tenantId }, 'the provider refuses to embed a text')
        return putOff(call.caller.tenantId, chunks, refusedPauseMs)
      }
      const middle = Math.ceil(chunks.length / 2)
      await embedAround(call, wish, chunks.slice(0, middle))
      await embedAround(call, wish, chunks.slice(middle))
    }
  }

  return {
    /**
     * Embeds stored chunks of an agent and stops at the first failure: what is left stays without vectors, is found by
     * text and gets its turn later. Never throws; says whether all went well.
     */
    embed: async (call: Call, agent: MemoryAgent, chunks: readonly WaitingChunk[]): Promise<boolean> => {
      const { tenantId } = call.caller
      for (let from = 0; from < chunks.length; from += embeddingBatch) {
        try {
          await embedAround(call, wishOf(agent), chunks.slice(from, from + embeddingBatch))
        } catch (err) {
          log.warn({ err, tenantId, agentId: agent.id, chunks: chunks.length - from }, 'chunks wait for vectors')
          // Where even this fails, the claim of who wrote the chunks runs out by itself.
          await putOff(tenantId, chunks.slice(from), retryMs).catch(() => undefined)
          return false
        }
      }
      return true
    },
  }
}

export type ChunkEmbedding = ReturnType<typeof createChunkEmbedding>
