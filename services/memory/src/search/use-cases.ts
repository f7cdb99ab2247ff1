/** Hybrid search: words and vectors side by side, weighed into one ranking. */
import { MeshError } from '@clawmesh/contracts'
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { checkText } from '../documents/check.ts'
import { ownersFor } from '../documents/owners.ts'
import type { Embedder, EmbeddingSpace } from '../embeddings/types.ts'
import { createLift, isRelated, scoreOf, usualWeights } from '../hybrid/score.ts'
import type { Scope, VectorQuery } from '../hybrid/types.ts'
import { createCandidateSearch, type HybridRows } from '../hybrid/use-cases.ts'
import { rank } from './rank.ts'
import type { FoundChunk, SearchResult } from './types.ts'

/** Each side brings this many times the wanted results, as some of them repeat each other. */
const candidateFactor = 4
const mostResults = 100
const longestQuery = 20_000

/** Whose chunks are searched: the agent's own and those of a user. */
export interface SearchScope extends Scope {
  userIds: readonly string[]
}

/** The chunks of one tenant. */
export interface SearchRows extends HybridRows<FoundChunk> {
  /** How many chunks of a scope have vectors of a space, and how many are in the index of its width. */
  sizes: (scope: SearchScope, space: EmbeddingSpace) => Promise<{ own: number; all: number }>
  /**
   * The nearest chunks by way of the HNSW index of their width, which goes on looking until it has enough that
   * belong to the agent (pgvector 0.8, iterative scan). Undefined when this pgvector cannot.
   */
  nearestByIndex: (scope: Scope, query: VectorQuery) => Promise<string[] | undefined>
}

interface Parts {
  rowsOf: (tenantId: string) => SearchRows
  embedder: Pick<Embedder, 'embed'>
  /** Whether to search a scope's vectors of a space through an index. */
  useIndex: (tenantId: string, scope: SearchScope, space: EmbeddingSpace) => Promise<boolean>
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

/** A question as it may be asked. @throws INVALID_REQUEST naming the field */
export const checkQuestion = (field: string, text: string): string => {
  const query = checkText(field, text)
  if (query.trim() === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field })
  if (query.length > longestQuery)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: `> ${longestQuery}` })
  return query
}

export const createSearchUseCase = ({ rowsOf, embedder, useIndex, queryEmbedTimeoutMs, log }: Parts) => {
  const candidates = createCandidateSearch({
    rowsOf,
    embedder,
    queryEmbedTimeoutMs,
    log,
    nearestOf: async ({ caller: { tenantId } }, { userIds = [], ...scope }, query) => {
      if (!(await useIndex(tenantId, { ...scope, userIds }, query.space))) return undefined
      const found = await rowsOf(tenantId).nearestByIndex({ ...scope, userIds }, query)
      // The index gives up after a number of rows that belong to others; what is there is then found one by one.
      return found === undefined || found.length < scope.limit ? undefined : found
    },
  })

  /** The best chunks for a query, best first. @throws INVALID_REQUEST */
  return async (call: Call, agent: MemoryAgent, question: Question): Promise<SearchResult[]> => {
    const query = checkQuestion('query', question.query)
    const { maxResults: usual, textWeight, vectorWeight } = agent.settings
    const maxResults = Math.min(question.maxResults > 0 ? question.maxResults : usual, mostResults)
    const scope = { agentId: agent.id, userIds: ownersFor(question.userId), limit: maxResults * candidateFactor }
    const { measured, space } = await candidates(call, agent, scope, query)
    const usualOnes = usualWeights(space)
    const weights = { text: textWeight ?? usualOnes.text, vector: vectorWeight ?? usualOnes.vector }
    const hasText = measured.some(({ coverage }) => coverage > 0)
    const lift = createLift(query)
    const hits = measured.flatMap((row) =>
      isRelated(row, space) ? [{ ...row, score: lift(scoreOf(row, weights, hasText), row.text) }] : [],
    )
    return rank(hits, { minScore: question.minScore, maxResults })
  }
}

export type Search = ReturnType<typeof createSearchUseCase>
