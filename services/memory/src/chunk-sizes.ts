/** Chunk sizes of an agent, with those of its tenant's system config, which identity keeps. */
import { cacheSubject } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { detached, type Logger, type Mesh } from '@clawmesh/chassis'
import type { ChunkSizesOf } from './domain/ports.ts'
import { chunkSizes } from './domain/settings.ts'

export const chunkSizesOf = (mesh: Mesh, log: Logger): ChunkSizesOf => {
  const identity = mesh.client(IdentityServiceService)
  const configs = mesh.cache<Record<string, string>>('system_configs', 1_000)
  // An invalidation may name one config key; all of a tenant's are one entry here.
  mesh.bus.subscribe(cacheSubject('system_configs'), configs.clear)

  return async (call, settings) => {
    const { tenantId } = call.caller
    const load = async () => (await identity.listSystemConfigs(detached(call), {})).values
    const values = await configs.get(tenantId, 'all', load).catch((err: unknown) => {
      log.warn({ err, tenantId }, 'system config could not be read, its defaults are used')
      return {}
    })
    return chunkSizes(settings, values ?? {})
  }
}
