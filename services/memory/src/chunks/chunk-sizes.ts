/** Chunk sizes of an agent, with those of its tenant's system config, which identity keeps. */
import { systemConfigsOf, type Logger, type Mesh } from '@clawmesh/chassis'
import type { ChunkSizesOf } from '../embeddings/types.ts'
import { chunkSizes } from '../agents/settings.ts'

export const chunkSizesOf = (mesh: Mesh, log: Logger): ChunkSizesOf => {
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
