/** Embeds in the background what has no vector: what a crash left, and what a provider failed at. */
import { setTimeout as sleep } from 'node:timers/promises'
import { serviceCaller, type Call, type Logger, type Part } from '@clawmesh/chassis'
import type { FindAgent } from '../agents/types.ts'
import type { WaitingChunk } from '../chunks/types.ts'
import { embeddingBatch, type ChunkEmbedding, type WaitingChunkRows } from './use-cases.ts'

interface WorkerParts {
  /** Of what it embeds, for logs. */
  name: string
  /** Tenants that have chunks without a vector which may be tried now. */
  waitingTenants: () => Promise<string[]>
  chunksOf: (tenantId: string) => Pick<WaitingChunkRows, 'claim' | 'putOff'>
  findAgent: FindAgent
  embedding: ChunkEmbedding
  log: Logger
  pauseMs: number
}

/**
 * Looks at once and then after each pause. A tenant's chunks are taken in batches of 50 until one fails; its others then
 * wait for the next look. Replicas take different chunks.
 */
export const embeddingWorker = ({
  name,
  waitingTenants,
  chunksOf,
  findAgent,
  embedding,
  log,
  pauseMs,
}: WorkerParts): Part => {
  const stop = new AbortController()
  let running: Promise<void> | undefined

  const callFor = (tenantId: string): Call => ({
    caller: serviceCaller(tenantId, ''),
    requestId: `memory-embedding-${tenantId}`,
    signal: stop.signal,
  })

  /** Whether all of one agent's chunks got their vectors. */
  const embedFor = async (call: Call, agentId: string, chunks: WaitingChunk[]): Promise<boolean> => {
    try {
      return await embedding.embed(call, await findAgent(call, agentId), chunks)
    } catch (err) {
      log.debug({ err, agentId }, 'the agent of chunks that wait for vectors could not be found')
      const ids = chunks.map(({ id }) => id)
      await chunksOf(call.caller.tenantId).putOff(ids, pauseMs)
      return false
    }
  }

  const drain = async (tenantId: string): Promise<void> => {
    const call = callFor(tenantId)
    let well = true
    while (well && !stop.signal.aborted) {
      const claimed = await chunksOf(tenantId).claim(embeddingBatch)
      if (claimed.length === 0) return
      for (const [agentId, chunks] of Map.groupBy(claimed, (chunk) => chunk.agentId))
        well = (await embedFor(call, agentId, chunks)) && well
    }
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        for (const tenantId of await waitingTenants()) if (!stop.signal.aborted) await drain(tenantId)
      } catch (err) {
        log.warn({ err }, 'looking for chunks without vectors failed')
      }
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }

  return {
    name: `embedding worker of ${name}`,
    start: async () => {
      running = loop()
    },
    stop: async () => {
      stop.abort()
      await running
    },
  }
}
