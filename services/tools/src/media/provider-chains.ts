/** The links that a call of a media tool tries, and how many calls a tenant may have at once. */
import type { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { createPlaces, type RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import { requirementsOf } from '../tool/ports.ts'
import { toolError } from '../tool/tool-error.ts'
import { linksOf, type Link } from './chain.ts'
import { tryLinks } from './try-links.ts'
import { providerPorts, type MediaTool } from './types.ts'

/** Of one tenant on one replica: each holds a file in memory. */
const mostAtOnce = 4

export interface ProviderChainsParts {
  providers: Pick<RpcFunctions<typeof ProvidersServiceService>, 'listMediaProviders'>
  /** Told of a provider that did not answer. */
  onFailure: (tool: string, provider: string, thrown: unknown) => void
}

export const createProviderChains = ({ providers, onFailure }: ProviderChainsParts) => {
  const takePlace = createPlaces(mostAtOnce)

  const linksFor = async (tool: MediaTool, { call, agent, settings }: CallScope, only: string): Promise<Link[]> => {
    const { providers: known } = await providers.listMediaProviders(call, { tool })
    const all = linksOf({
      tool,
      settings: settings.find(({ name }) => name === tool)?.settings,
      toolsConfigJson: agent?.toolsConfigJson ?? '',
      known,
    })
    const links = only === '' ? all : all.filter(({ provider: { name, alias } }) => name === only || alias === only)
    if (links.length === 0)
      throw toolError(
        `${tool} needs ${requirementsOf({ needs: [providerPorts[tool]] }).join()}: no provider that can be used is ` +
          (only === '' ? 'set up, neither in its chain nor by default' : `called ${only.slice(0, 100)}`),
      )
    return links
  }

  return {
    /**
     * Asks the chain of a tool.
     * @param only the provider that alone is asked, where one was named
     * @throws TOOL_ERROR saying what is missing, why none could, or that the tenant has too many at once; the signal's reason
     */
    try: async <T>(
      tool: MediaTool,
      scope: CallScope,
      signal: AbortSignal,
      ask: (link: Link, signal: AbortSignal) => Promise<T>,
      only = '',
    ): Promise<T> => {
      const leave = takePlace(scope.call.caller.tenantId)
      if (leave === undefined) throw toolError('too many media are being worked on at the moment; try again in a while')
      try {
        const links = await linksFor(tool, scope, only)
        return await tryLinks(links, signal, ask, ({ provider }, thrown) => onFailure(tool, provider.name, thrown))
      } finally {
        leave()
      }
    },
  }
}

export type ProviderChains = ReturnType<typeof createProviderChains>
