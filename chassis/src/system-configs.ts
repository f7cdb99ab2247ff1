/** What a tenant has set for itself, as identity keeps it. */
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { detached, type Call } from './call.ts'
import type { Mesh } from './mesh.ts'

export type SystemConfigs = Readonly<Record<string, string>>

const maxTenants = 10_000

/** The system configs of a call's tenant, as identity has them now. @throws what keeps identity from answering */
export const storedSystemConfigsOf = (mesh: Pick<Mesh, 'client'>): ((call: Call) => Promise<SystemConfigs>) => {
  const identity = mesh.client(IdentityServiceService)
  return async (call) => (await identity.listSystemConfigs(call, {})).values
}

/**
 * The system configs of a call's tenant, behind a cache that hears of each change.
 * @param withinMs how long identity may take, when what is asked for is not worth its usual deadline
 * @throws what keeps identity from answering
 */
export const systemConfigsOf = (
  mesh: Pick<Mesh, 'client' | 'cache'>,
  withinMs?: number,
): ((call: Call) => Promise<SystemConfigs>) => {
  const identity = mesh.client(IdentityServiceService)
  const cache = mesh.cache<SystemConfigs>('system_configs', maxTenants)
  return async (call) => {
    const load = async () => {
      const lookup = withinMs === undefined ? detached(call) : { ...call, signal: AbortSignal.timeout(withinMs) }
      return (await identity.listSystemConfigs(lookup, {})).values
    }
    return (await cache.get(call.caller.tenantId, 'all', load)) ?? {}
  }
}
