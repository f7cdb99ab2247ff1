/** Handlers that look upstream: models, verification, embedding status. */
import type { http } from '@clawmesh/contracts'
import type { Call, Handlers, Logger } from '@clawmesh/chassis'
import { listModels } from '../domain/models.ts'
import type { ProviderUseCases } from '../domain/providers.ts'
import { connectionOf, type ProviderSelection } from '../domain/selection.ts'
import { verifyChat, verifyEmbedding } from '../domain/verify.ts'
import { objectOf, textOf } from '../domain/protocols/json.ts'
import type { CallOptions } from '../domain/protocols/options.ts'

interface Parts {
  providers: ProviderUseCases
  selection: ProviderSelection
  options: (call: Call) => CallOptions
  log: Logger
}

const noDefaults = { effort: 'off', fallback: 'downgrade' }

/** What the settings say about reasoning, unless it is what happens anyway. */
const reasoningDefaults = (settings: Record<string, unknown>) => {
  const defaults = { ...noDefaults, ...objectOf(settings['reasoning_defaults']) }
  return defaults.effort === noDefaults.effort && defaults.fallback === noDefaults.fallback ? undefined : defaults
}

export const createTrialHandlers = ({
  providers,
  selection,
  options,
  log,
}: Parts): Handlers<
  typeof http.providers,
  'listProviderModels' | 'verifyProvider' | 'verifyProviderEmbedding' | 'getEmbeddingStatus'
> => ({
  listProviderModels: async ({ caller, call, params }) => {
    const provider = await providers.get(caller, params.id)
    const models = await listModels(connectionOf(provider), {
      ...options(call),
      onFailure: (err) => log.warn({ err, provider: provider.name }, 'listing models failed'),
    })
    const defaults = models.some(({ reasoning }) => reasoning !== undefined)
      ? reasoningDefaults(provider.settings)
      : undefined
    return { models, ...(defaults === undefined ? {} : { reasoning_defaults: defaults as { effort?: 'off' } }) }
  },

  verifyProvider: async ({ caller, call, params, body }) => {
    const provider = await providers.get(caller, params.id)
    const connection = provider.enabled ? await selection.named(provider.tenantId, provider.name) : undefined
    if (connection === undefined) return { valid: false, error: `provider not registered: ${provider.name}` }
    return verifyChat(connection, body?.model ?? '', options(call))
  },

  verifyProviderEmbedding: async ({ caller, call, params, body }) => {
    const provider = await providers.get(caller, params.id)
    const settings = objectOf(provider.settings['embedding']) ?? {}
    const wanted = {
      model: body?.model ?? textOf(settings['model']),
      dimensions: body?.dimensions || Number(settings['dimensions']) || 0,
    }
    return verifyEmbedding(connectionOf(provider), wanted, options(call))
  },

  getEmbeddingStatus: async ({ call }) => {
    const choice = await selection.forEmbedding(call)
    if (choice === undefined) return { configured: false }
    const { connection, displayName, model } = choice
    return { configured: true, provider: displayName, provider_name: connection.name, model }
  },
})
