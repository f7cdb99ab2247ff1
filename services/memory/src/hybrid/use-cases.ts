/** Candidates of a hybrid search: what has the words of a question and what lies near it, both measured for all of them. */
import type { Call, Logger } from '@clawmesh/chassis'
import type { MemoryAgent } from '../agents/types.ts'
import { wishOf, type Embedder, type EmbeddingSpace } from '../embeddings/types.ts'
import { wantedBy, type Wanted } from '../text/question.ts'
import type { Measured, Scope, VectorQuery } from './types.ts'

/** What rows are measured by. */
export interface Wish {
  wanted: readonly Wanted[]
  /** Undefined where words alone count. */
  nearTo: VectorQuery | undefined
  /** The nearest rows where they are known; else each row is compared. */
  near?: readonly string[] | undefined
}

/** The searched rows of one tenant. */
export interface HybridRows<Row extends object> {
  /** Those that have most of what is wanted, and the nearest, `limit` of each; both measures for all of them. */
  measure: (scope: Scope, wish: Wish) => Promise<(Row & Measured)[]>
}

interface Parts<Row extends object> {
  rowsOf: (tenantId: string) => HybridRows<Row>
  embedder: Pick<Embedder, 'embed'>
  queryEmbedTimeoutMs: number
  log: Logger
  /** Another way to the nearest rows than looking at each; undefined where there is none for these. */
  nearestOf?: (call: Call, scope: Scope, query: VectorQuery) => Promise<readonly string[] | undefined>
}

export interface Candidates<Row extends object> {
  measured: (Row & Measured)[]
  /** Whose vectors were compared; undefined when the question could not be embedded. */
  space: EmbeddingSpace | undefined
}

export const createCandidateSearch = <Row extends object>({
  rowsOf,
  embedder,
  queryEmbedTimeoutMs,
  log,
  nearestOf,
}: Parts<Row>) => {
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
  return async (call: Call, agent: MemoryAgent, scope: Scope, question: string): Promise<Candidates<Row>> => {
    const wanted = wantedBy(question)
    if (wanted.length === 0) return { measured: [], space: undefined }
    const nearTo = await vectorOf(call, agent, question)
    const near = nearTo === undefined ? undefined : await nearestOf?.(call, scope, nearTo)
    const measured = await rowsOf(call.caller.tenantId).measure(scope, { wanted, nearTo, near })
    return { measured, space: nearTo?.space }
  }
}

export type CandidateSearch<Row extends object> = ReturnType<typeof createCandidateSearch<Row>>
