import { newId, serviceCaller, type Call, type EventHandlers, type RpcFunctions } from '@clawmesh/chassis'
import type { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { SessionMedia } from './session-media.ts'

interface Parts {
  media: Pick<SessionMedia, 'forget'>
  identity: Pick<RpcFunctions<typeof IdentityServiceService>, 'resolveTenant'>
  timeoutMs: number
}

/** What was attached to a session goes with it. */
export const createStorageEvents = ({ media, identity, timeoutMs }: Parts): EventHandlers => ({
  sessionDeleted: async ({ tenantId, data: { id: sessionKey } }) => {
    const call: Call = { caller: serviceCaller(tenantId), requestId: newId(), signal: AbortSignal.timeout(timeoutMs) }
    // The folder of a tenant is called by its slug.
    const { found, slug } = await identity.resolveTenant(call, { idOrSlug: tenantId })
    if (found) await media.forget({ tenantId, tenantSlug: slug }, sessionKey)
  },
})
