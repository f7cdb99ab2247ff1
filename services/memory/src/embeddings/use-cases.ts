/** Gives stored chunks their vectors: from the cache, else from the embedder, in batches. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import type { WaitingChunk } from '../chunks/types.ts'
import { featureHash, featureHashingSpace } from './feature-hashing.ts'
import { wishOf, type Embedder, type EmbeddingSpace, type EmbeddingWish } from './types.ts'

export const embeddingBatch = 50

/** The chunks of one tenant that have no vector yet. */
export interface WaitingChunkRows {
  /** Takes chunks without a vector, the never tried ones first, and keeps others off them for a while. */
  claim: (limit: number) => Promise<WaitingChunk[]>
  /** Gives chunks their vectors; chunks that are gone by now are passed over. */
  setVectors: (space: EmbeddingSpace, vectors: readonly { id: string; vector: readonly number[] }[]) => Promise<void>
  /** Leaves chunks that failed alone: for `baseMs`, four times as long after each further failure, at most a week. */
  putOffFailed: (ids: readonly string[], reason: string, baseMs: number) => Promise<void>
  /** Leaves chunks alone for a time. */
  putOff: (ids: readonly string[], ms: number) => Promise<void>
}

/** Vectors of one tenant's texts that were embedded before, by the hash of the text. */
export interface VectorCacheRows {
  /** The known vectors among these hashes. */
  find: (space: EmbeddingSpace, hashes: readonly string[]) => Promise<Map<string, readonly number[]>>
  add: (space: EmbeddingSpace, vectors: ReadonlyMap<string, readonly number[]>) => Promise<void>
}

interface Parts {
  chunksOf: (tenantId: string) => WaitingChunkRows
  cacheOf: (tenantId: string) => VectorCacheRows
  embedder: Embedder
  log: Logger
  retryMs: number
}

/** What the provider of vectors fails with whatever it is sent, so that no text need be looked for. */
class ProviderAway extends Error {
  constructor(cause: unknown) {
    super('the embedding provider fails', { cause })
  }
}

/** Errors that are about a text as such. */
const isRefusal = (thrown: unknown): boolean => thrown instanceof MeshError && thrown.code === 'INVALID_REQUEST'

/** Errors that may be about a text: some providers answer 500, nothing, or nonsense for one they cannot take. */
const mayBeAboutText = (thrown: unknown): boolean =>
  !(thrown instanceof ProviderAway) &&
  (!(thrown instanceof MeshError) || ['UNAVAILABLE', 'AGENT_TIMEOUT', 'INTERNAL'].includes(thrown.code))

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : 'failed')

type Vectors = ReadonlyMap<string, readonly number[]>

const isSame = (a: EmbeddingSpace, b: EmbeddingSpace): boolean =>
  a.provider === b.provider && a.model === b.model && a.dims === b.dims

export const createChunkEmbedding = ({ chunksOf, cacheOf, embedder, log, retryMs }: Parts) => {
  /** Vectors by hash; texts of equal hash are embedded once, known ones not at all. */
  const vectorsOf = async (
    call: Call,
    wish: EmbeddingWish,
    chunks: readonly WaitingChunk[],
  ): Promise<{ space: EmbeddingSpace; vectors: Vectors }> => {
    const texts = new Map(chunks.map(({ hash, text }) => [hash, text]))
    const space = await embedder.spaceOf(call, wish).catch((thrown: unknown) => {
      throw new ProviderAway(thrown)
    })
    if (isSame(space, featureHashingSpace)) {
      const vectors = new Map<string, readonly number[]>()
      for (const [hash, text] of texts) {
        vectors.set(hash, featureHash(text))
        // A text takes milliseconds; others get their turn in between.
        await nextTurn()
      }
      return { space, vectors }
    }

    const cache = cacheOf(call.caller.tenantId)
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
      embedder.clearSpaces()
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'embedding model' })
    }
    const fresh = new Map(
      misses.flatMap(([hash], index) => (answer.vectors[index] ? [[hash, answer.vectors[index]]] : [])),
    )
    await cache.add(space, fresh)
    return { space, vectors: new Map([...known, ...fresh]) }
  }

  const putOff = (tenantId: string, chunks: readonly WaitingChunk[], ms: number): Promise<void> =>
    chunksOf(tenantId).putOff(
      chunks.map(({ id }) => id),
      ms,
    )

  /** Leaves texts without vectors, for longer each time; which they are and why can be seen. */
  const putOffFailed = async (call: Call, chunks: readonly WaitingChunk[], reason: string): Promise<void> => {
    const { tenantId } = call.caller
    log.warn({ tenantId, agentId: chunks[0]?.agentId, chunks: chunks.length, reason }, 'texts that cannot be embedded')
    await chunksOf(tenantId).putOffFailed(
      chunks.map(({ id }) => id),
      reason,
      retryMs,
    )
  }

  const embedBatch = async (call: Call, wish: EmbeddingWish, chunks: readonly WaitingChunk[]): Promise<void> => {
    const { tenantId } = call.caller
    const { space, vectors } = await vectorsOf(call, wish, chunks)
    const found = chunks.flatMap(({ id, hash }) => {
      const vector = vectors.get(hash)
      return vector === undefined ? [] : [{ id, vector }]
    })
    await chunksOf(tenantId).setVectors(space, found)
    const useless = chunks.filter(({ hash }) => !vectors.has(hash))
    if (useless.length > 0) await putOffFailed(call, useless, 'vector of a wrong width or without a direction')
  }

  /** Whether the provider embeds a harmless text now: then what it fails at is the text it was sent. */
  const isUp = async (call: Call, wish: EmbeddingWish): Promise<boolean> => {
    try {
      await embedder.embed(call, ['memory'], wish)
      return true
    } catch {
      return false
    }
  }

  /**
   * Halves a batch that fails until the text at fault is alone, which is then put off; the others get their vectors.
   * @throws what the provider fails with when it fails at any text
   */
  const embedAround = async (call: Call, wish: EmbeddingWish, chunks: readonly WaitingChunk[]): Promise<void> => {
    try {
      await embedBatch(call, wish, chunks)
    } catch (thrown) {
      if (!isRefusal(thrown) && !(mayBeAboutText(thrown) && (await isUp(call, wish)))) throw thrown
      if (chunks.length === 1) return putOffFailed(call, chunks, reasonOf(thrown))
      const middle = Math.ceil(chunks.length / 2)
      await embedAround(call, wish, chunks.slice(0, middle))
      await embedAround(call, wish, chunks.slice(middle))
    }
  }

  return {
    /**
     * Embeds stored chunks of an agent. Texts that the provider cannot take are put off by themselves; where it fails
     * at all, what is left stays without vectors, is found by text and gets its turn later. Never throws; says whether
     * the provider answered.
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
