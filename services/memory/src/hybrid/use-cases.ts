/** Candidates of a hybrid search: what has the words of a question and what lies near it, both measured for all of them. */
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { wishOf, type Embedder, type EmbeddingSpace } from '../embeddings/types.ts'
import { wantedBy, type Wanted } from '../text/question.ts'
import type { Measured, Scope, VectorQuery } from './types.ts'

type Near = { id: string; cosine: number }[]

/** The searched rows of one tenant. */
export interface HybridRows {
  /** Rows that have any of what is wanted, those that have most of it first. */
  covering: (scope: Scope, wanted: readonly Wanted[]) => Promise<{ id: string; coverage: number }[]>
  /** The nearest rows with a vector of the space. */
  nearest: (scope: Scope, query: VectorQuery) => Promise<Near>
  /** Of rows with a vector of the space, how near they are. */
  cosines: (ids: readonly string[], query: VectorQuery) => Promise<Near>
}

interface Parts {
  rowsOf: (tenantId: string) => HybridRows
  embedder: Pick<Embedder, 'embed'>
  queryEmbedTimeoutMs: number
  log: Logger
  /** Another way to the nearest rows than looking at each; undefined where there is none for these. */
  nearestOf?: (call: Call, scope: Scope, query: VectorQuery) => Promise<Near | undefined>
}

export interface Candidates {
  measured: Measured[]
  /** Whose vectors were compared; undefined when the question could not be embedded. */
  space: EmbeddingSpace | undefined
}

export const createCandidateSearch = ({ rowsOf, embedder, queryEmbedTimeoutMs, log, nearestOf }: Parts) => {
  const vectorOf = async (call: Call, agent: MemoryAgent, question: string): Promise<VectorQuery | undefined> => {
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(queryEmbedTimeoutMs)])
    const embedded = await embedder.embed({ ...call, signal }, [question], wishOf(agent)).catch((err: unknown) => {
      log.warn({ err, tenantId: call.caller.tenantId }, 'a query could not be embedded, text alone is searched')
      return undefined
    })
    const vector = embedded?.vectors[0]
    return embedded === undefined || vector === undefined ? undefined : { space: embedded.space, vector }
  }

  /** Up to `limit` rows by either side. A question without letters or digits finds nothing. */
  return async (call: Call, agent: MemoryAgent, scope: Scope, question: string): Promise<Candidates> => {
    const wanted = wantedBy(question)
    if (wanted.length === 0) return { measured: [], space: undefined }
    const rows = rowsOf(call.caller.tenantId)
    const nearest = async (): Promise<{ query: VectorQuery; near: Near } | undefined> => {
      const query = await vectorOf(call, agent, question)
      if (query === undefined) return undefined
      return { query, near: (await nearestOf?.(call, scope, query)) ?? (await rows.nearest(scope, query)) }
    }
    const [covering, found] = await Promise.all([rows.covering(scope, wanted), nearest()])
    const coverages = new Map(covering.map(({ id, coverage }) => [id, coverage]))
    if (found === undefined)
      return { measured: covering.map((row) => ({ ...row, cosine: undefined })), space: undefined }
    const { query, near } = found
    const cosines = new Map(near.map(({ id, cosine }) => [id, cosine]))
    const farther = covering.flatMap(({ id }) => (cosines.has(id) ? [] : [id]))
    if (farther.length > 0) for (const { id, cosine } of await rows.cosines(farther, query)) cosines.set(id, cosine)
    const measured = [...new Set([...coverages.keys(), ...cosines.keys()])].map((id) => ({
      id,
      coverage: coverages.get(id) ?? 0,
      cosine: cosines.get(id),
    }))
    return { measured, space: query.space }
  }
}

export type CandidateSearch = ReturnType<typeof createCandidateSearch>
