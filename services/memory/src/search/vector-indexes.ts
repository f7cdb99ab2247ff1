/** Decides which searches go through an index, and has the index of their width made. */
import type { Logger, Mesh, Part } from '@clawmesh/chassis'
import type { MemoryConfig } from '../config.ts'
import { spaceLabel, type EmbeddingSpace } from '../embeddings/types.ts'
import { isIndexable } from '../embeddings/vectors.ts'
import type { SearchRows, SearchScope } from './use-cases.ts'

const usualThreshold = 5_000
/**
 * What the index passes by on its way to the wanted vectors, at most: others than the scope's lie between them, and pgvector gives up
 * after 20,000 (hnsw.max_scan_tuples). A scope that is so rare among all is quicker to compare one by one.
 */
const mostPassed = 10_000
const failurePauseMs = 600_000

export interface VectorIndexes {
  /** Whether a scope of a tenant is large, by its chunks in a space, and not too rare among all for the index. */
  useIndex: (tenantId: string, scope: SearchScope, space: EmbeddingSpace) => Promise<boolean>
  part: Part
}

interface Parts {
  mesh: Pick<Mesh, 'cache'>
  rowsOf: (tenantId: string) => Pick<SearchRows, 'sizes'>
  createIndex: (dims: number, signal: AbortSignal) => Promise<void>
  isEmbeddedDatabase: () => Promise<boolean>
  config: Pick<MemoryConfig, 'vectorIndexFrom'>
  log: Logger
}

export const createVectorIndexes = ({
  mesh,
  rowsOf,
  createIndex,
  isEmbeddedDatabase,
  config,
  log,
}: Parts): VectorIndexes => {
  // Counted once in a while: nothing depends on the exact moment at which an agent counts as large.
  const sizes = mesh.cache<{ own: number; all: number }>('agents', 10_000)
  const stop = new AbortController()
  const building = new Map<number, Promise<void>>()
  const failedAt = new Map<number, number>()
  let threshold: Promise<number> | undefined

  const decideThreshold = async (): Promise<number> =>
    config.vectorIndexFrom ?? ((await isEmbeddedDatabase()) ? Infinity : usualThreshold)

  const build = (dims: number): void => {
    const isSoonAfterFailure = Date.now() - (failedAt.get(dims) ?? -Infinity) < failurePauseMs
    if (building.has(dims) || isSoonAfterFailure || stop.signal.aborted) return
    const built = createIndex(dims, stop.signal).catch((err: unknown) => {
      building.delete(dims)
      failedAt.set(dims, Date.now())
      if (!stop.signal.aborted) log.warn({ err, dims }, 'a vector index could not be made; searches are slower')
    })
    building.set(dims, built)
  }

  return {
    useIndex: async (tenantId, scope, space) => {
      if (!isIndexable(space.dims)) return false
      threshold ??= decideThreshold().catch((thrown: unknown) => {
        threshold = undefined
        throw thrown
      })
      const from = await threshold
      if (from === Infinity) return false
      const key = JSON.stringify([scope.agentId, scope.userIds, space.dims, spaceLabel(space)])
      const { own, all } = (await sizes.get(tenantId, key, () => rowsOf(tenantId).sizes(scope, space)))!
      if (own <= from) return false
      build(space.dims)
      return (scope.limit * all) / own <= mostPassed
    },
    part: {
      name: 'memory vector indexes',
      stop: async () => {
        stop.abort()
        await Promise.all(building.values())
      },
    },
  }
}
