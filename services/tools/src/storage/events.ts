import { newId, serviceCaller, type Call, type EventHandlers, type RpcFunctions } from '@clawmesh/chassis'
import type { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { Tenant } from './paths.ts'
import type { SessionMedia } from './session-media.ts'

interface Parts {
  media: Pick<SessionMedia, 'forgetAgent' | 'forgetSession'>
  identity: Pick<RpcFunctions<typeof IdentityServiceService>, 'resolveTenant'>
  timeoutMs: number
}

/** What was attached to a session goes with it. */
export const createStorageEvents = ({ media, identity, timeoutMs }: Parts) => {
  /** The folder of a tenant is called by its slug. */
  const tenantOf = async (tenantId: string): Promise<Tenant | undefined> => {
    const call: Call = { caller: serviceCaller(tenantId), requestId: newId(), signal: AbortSignal.timeout(timeoutMs) }
    const { found, slug } = await identity.resolveTenant(call, { idOrSlug: tenantId })
    return found ? { tenantId, tenantSlug: slug } : undefined
  }

  return {
    events: {
      sessionDeleted: async ({ tenantId, data: { id: sessionKey } }) => {
        const tenant = await tenantOf(tenantId)
        if (tenant !== undefined) await media.forgetSession(tenant, sessionKey)
      },
    } satisfies EventHandlers,
    /** Sessions that go with their agent have no event of their own. */
    forgetAgent: async (tenantId: string, agentId: string): Promise<void> => {
      const tenant = await tenantOf(tenantId)
      if (tenant !== undefined) await media.forgetAgent(tenant, agentId)
    },
  }
}
