/** From a text to a graph: extracted, stored at once, embedded, and rid of duplicates. */
import { MeshError } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import type { MemoryAgent } from '../../agents/types.ts'
import { checkText } from '../../documents/check.ts'
import type { ChunkEmbedding } from '../../embeddings/use-cases.ts'
import type { DedupUseCases } from '../dedup/use-cases.ts'
import type { StoredEntity } from '../sql.ts'
import type { Extracted, GraphOwner } from '../types.ts'
import type { Extractor, Model } from './extractor.ts'

/** The rows of one tenant. */
export interface IngestRows {
  /** Stores entities, and the relations between them, in one transaction. */
  ingest: (owner: GraphOwner, extracted: Extracted, actor: Actor) => Promise<StoredEntity[]>
}

interface Parts {
  rowsOf: (tenantId: string) => IngestRows
  extractor: Extractor
  dedup: Pick<DedupUseCases, 'afterIngest'>
  embedding: ChunkEmbedding
  embedTimeoutMs: number
}

export interface ExtractRequest extends Model {
  userId: string
  text: string
  /** 0 or less means 0.75. */
  minConfidence: number
  /** Whence the text is; empty where that has no name. */
  sourceId: string
}

export interface ExtractCounts {
  entities: number
  relations: number
  dedupMerged: number
  dedupFlagged: number
}

const usualConfidence = 0.75

const sureOf = ({ entities, relations }: Extracted, least: number, sourceId: string): Extracted => ({
  entities: entities.filter(({ confidence }) => confidence >= least).map((entity) => ({ ...entity, sourceId })),
  relations: relations.filter(({ confidence }) => confidence >= least),
})

export const createExtractUseCase =
  ({ rowsOf, extractor, dedup, embedding, embedTimeoutMs }: Parts) =>
  /** @throws INVALID_REQUEST, INTERNAL with the reason when the model fails */
  async (call: Call, agent: MemoryAgent, request: ExtractRequest): Promise<ExtractCounts> => {
    const { provider, model, text } = request
    for (const [field, value] of Object.entries({ text, provider, model }))
      if (value.trim() === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field })
    const userId = checkText('user_id', request.userId)
    const least = request.minConfidence > 0 ? request.minConfidence : usualConfidence
    const spender = { agentId: agent.id, userId, beginsRun: false }
    const found = sureOf(await extractor(call, { provider, model, spender }, text), least, request.sourceId)
    const owner = { agentId: agent.id, userId }
    const stored = await rowsOf(call.caller.tenantId).ingest(owner, found, actorOf(call))
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(embedTimeoutMs)])
    const waiting = stored.flatMap((entity) => entity.waiting ?? [])
    await embedding.embed({ ...call, signal }, agent, waiting)
    const ids = stored.map(({ id }) => id)
    const { merged, flagged } = await dedup.afterIngest(call, agent, userId, ids)
    return {
      entities: found.entities.length,
      relations: found.relations.length,
      dedupMerged: merged,
      dedupFlagged: flagged,
    }
  }

export type Extract = ReturnType<typeof createExtractUseCase>
