/** Decides which agents are searched through an index, and has the index of their width made. */
import type { Logger, Mesh, Part } from '@clawmesh/chassis'
import type { MemoryConfig } from '../config.ts'
import { spaceLabel, type EmbeddingSpace } from '../embeddings/types.ts'
import { isIndexable } from '../embeddings/vectors.ts'
import type { SearchRows } from './use-cases.ts'

const usualThreshold = 5_000
const failurePauseMs = 600_000

export interface VectorIndexes {
  /** Whether an agent of a tenant is large, by its chunks in a space. */
  useIndex: (tenantId: string, agentId: string, space: EmbeddingSpace) => Promise<boolean>
  part: Part
}

interface Parts {
  mesh: Pick<Mesh, 'cache'>
  rowsOf: (tenantId: string) => Pick<SearchRows, 'hasMoreThan'>
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
  const sizes = mesh.cache<{ isLarge: boolean }>('agents', 10_000)
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
    useIndex: async (tenantId, agentId, space) => {
      if (!isIndexable(space.dims)) return false
      threshold ??= decideThreshold().catch((thrown: unknown) => {
        threshold = undefined
        throw thrown
      })
      const from = await threshold
      if (from === Infinity) return false
      const size = await sizes.get(tenantId, `${agentId} ${space.dims} ${spaceLabel(space)}`, async () => ({
        isLarge: await rowsOf(tenantId).hasMoreThan(agentId, space, from),
      }))
      if (!size!.isLarge) return false
      build(space.dims)
      return true
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
