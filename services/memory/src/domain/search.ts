/** Hybrid search: full text and vectors side by side, merged into one ranking. */
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryStore } from '../store/store.ts'
import { checkText } from './check.ts'
import { ownersFor } from './documents.ts'
import { mergeHits } from './merge-hits.ts'
import { wishOf, type Embedder, type MemoryAgent } from './ports.ts'
import type { EmbeddingSpace, Hit, SearchResult } from './types.ts'

/** Each side brings this many times the wanted results. */
const candidateFactor = 2
const mostResults = 100
const longestQuery = 20_000

interface Parts {
  store: MemoryStore
  embedder: Embedder
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

export const createSearchUseCase = ({ store, embedder, useIndex, queryEmbedTimeoutMs, log }: Parts) => {
  const nearest = async (call: Call, agent: MemoryAgent, scope: Scope, query: string): Promise<Hit[]> => {
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(queryEmbedTimeoutMs)])
    const embedded = await embedder.embed({ ...call, signal }, [query], wishOf(agent)).catch((err: unknown) => {
      log.warn({ err, tenantId: call.caller.tenantId }, 'a query could not be embedded, text alone is searched')
      return undefined
    })
    const vector = embedded?.vectors[0]
    if (embedded === undefined || vector === undefined) return []
    const question = { space: embedded.space, vector }
    const side = store.search(call.caller.tenantId)
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
      store.search(call.caller.tenantId).text(scope, query),
      nearest(call, agent, scope, query),
    ])
    return mergeHits(text, vector, { textWeight, vectorWeight, minScore: question.minScore, maxResults })
  }
}

type Scope = Parameters<ReturnType<MemoryStore['search']>['nearest']>[0]
export type Search = ReturnType<typeof createSearchUseCase>
