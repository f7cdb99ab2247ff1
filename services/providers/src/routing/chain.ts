/** Who is asked when a provider fails: the chain of the request, else of the tenant. */
import type { ModelRef } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Call, Logger } from '@clawmesh/chassis'
import { fallbackChain } from '@clawmesh/contracts'

/** The system config that holds the chain of a tenant, as JSON. */
const chainConfig = 'agent.fallbacks'

/** A chain as a tenant has written it. @throws for anything else */
export const readChain = (text: string | undefined): ModelRef[] =>
  text === undefined || text.trim() === ''
    ? []
    : fallbackChain.parse(JSON.parse(text)).map(({ provider, model = '' }) => ({ provider, model }))

interface Parts {
  systemConfigs: (call: Call) => Promise<Readonly<Record<string, string>>>
  log: Logger
}

/** Who the tenant has chosen to be asked after any provider; nobody where that cannot be read. */
export const createTenantChain =
  ({ systemConfigs, log }: Parts) =>
  async (call: Call): Promise<ModelRef[]> => {
    try {
      return readChain((await systemConfigs(call))[chainConfig])
    } catch (err) {
      log.warn({ err, tenantId: call.caller.tenantId }, 'the fallbacks of a tenant could not be read')
      return []
    }
  }

export type TenantChain = ReturnType<typeof createTenantChain>
