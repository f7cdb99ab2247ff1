/** Chunk sizes of an agent, with those of its tenant's system config, which identity keeps. */
import { systemConfigsOf, type Logger, type Mesh } from '@clawmesh/chassis'
import { chunkSizes } from '../agents/settings.ts'
import type { ChunkSizesOf } from '../documents/use-cases.ts'

export const createChunkSizesOf = (mesh: Mesh, log: Logger): ChunkSizesOf => {
  const systemConfigs = systemConfigsOf(mesh)
  return async (call, settings) => {
    const { tenantId } = call.caller
    const values = await systemConfigs(call).catch((err: unknown) => {
      log.warn({ err, tenantId }, 'system config could not be read, its defaults are used')
      return {}
    })
    return chunkSizes(settings, values)
  }
}
