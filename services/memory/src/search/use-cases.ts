/** Hybrid search: full text and vectors side by side, merged into one ranking. */
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { checkText } from '../documents/check.ts'
import { ownersFor } from '../documents/owners.ts'
import { mergeHits } from './merge-hits.ts'
import { wishOf, type Embedder, type EmbeddingSpace } from '../embeddings/types.ts'
import type { Hit, SearchResult } from './types.ts'

/** Each side brings this many times the wanted results. */
const candidateFactor = 2
const mostResults = 100
const longestQuery = 20_000

export interface SearchScope {
  agentId: string
  /** Owners whose documents are searched; an empty one stands for the agent as a whole. */
  userIds: readonly string[]
  limit: number
}

export interface VectorQuery {
  space: EmbeddingSpace
  vector: readonly number[]
}

/** The two sides of a search over the chunks of one tenant. */
export interface SearchRows {
  /** Chunks that hold all words of a query, by ts_rank. */
  text: (scope: SearchScope, query: string) => Promise<Hit[]>
  /** Whether an agent has more chunks with vectors of a space than a number. */
  hasMoreThan: (agentId: string, space: EmbeddingSpace, chunks: number) => Promise<boolean>
  /** The nearest chunks, each one compared. */
  nearest: (scope: SearchScope, query: VectorQuery) => Promise<Hit[]>
  /**
   * The nearest chunks by way of the HNSW index of their width, which goes on looking until it has enough that
   * belong to the agent (pgvector 0.8, iterative scan). Undefined when this pgvector cannot.
   */
  nearestByIndex: (scope: SearchScope, query: VectorQuery) => Promise<Hit[] | undefined>
}

interface Parts {
  rowsOf: (tenantId: string) => SearchRows
  embedder: Pick<Embedder, 'embed'>
  /** Whether to search an agent's vectors of a space through an index. */
  useIndex: (tenantId: string, agentId: string, space: EmbeddingSpace) => Promise<boolean>
  queryEmbedTimeoutMs: number
  log: Logger
}

export interface Question {
  query: string
  /** Empty searches the agent's own documents only. */
  userId: string
  /** 0 or less means the agent's setting. */
  maxResults: number
  minScore: number
}

export const createSearchUseCase = ({ rowsOf, embedder, useIndex, queryEmbedTimeoutMs, log }: Parts) => {
  const nearest = async (call: Call, agent: MemoryAgent, scope: SearchScope, query: string): Promise<Hit[]> => {
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(queryEmbedTimeoutMs)])
    const embedded = await embedder.embed({ ...call, signal }, [query], wishOf(agent)).catch((err: unknown) => {
      log.warn({ err, tenantId: call.caller.tenantId }, 'a query could not be embedded, text alone is searched')
      return undefined
    })
    const vector = embedded?.vectors[0]
    if (embedded === undefined || vector === undefined) return []
    const question = { space: embedded.space, vector }
    const side = rowsOf(call.caller.tenantId)
    if (!(await useIndex(call.caller.tenantId, agent.id, embedded.space))) return side.nearest(scope, question)
    const found = await side.nearestByIndex(scope, question)
    // The index gives up after a number of rows that belong to others; what is there is then found one by one.
    return found === undefined || found.length < scope.limit ? side.nearest(scope, question) : found
  }

  /** The best chunks for a query, best first. @throws INVALID_REQUEST */
  return async (call: Call, agent: MemoryAgent, question: Question): Promise<SearchResult[]> => {
    const query = checkText('query', question.query)
    if (query.trim() === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'query' })
    if (query.length > longestQuery)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'query', reason: `> ${longestQuery}` })
    const { maxResults: usual, textWeight, vectorWeight } = agent.settings
    const maxResults = Math.min(question.maxResults > 0 ? question.maxResults : usual, mostResults)
    const scope = { agentId: agent.id, userIds: ownersFor(question.userId), limit: maxResults * candidateFactor }
    const [text, vector] = await Promise.all([
      rowsOf(call.caller.tenantId).text(scope, query),
      nearest(call, agent, scope, query),
    ])
    return mergeHits(text, vector, { textWeight, vectorWeight, minScore: question.minScore, maxResults })
  }
}

export type Search = ReturnType<typeof createSearchUseCase>
