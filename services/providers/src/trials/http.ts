/** Handlers that look upstream: models, verification, embedding status. */
import { http } from '@clawmesh/contracts'
import { implementHttp, type Call, type Logger } from '@clawmesh/chassis'
import type { AccountTokens } from '../accounts/tokens.ts'
import { listModels } from './models.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import { connectionOf, type ProviderSelection } from '../providers/selection.ts'
import { claudeAuthStatus } from '../programs/claude-auth.ts'
import { verifyChat, verifyEmbedding } from './verify.ts'
import { objectOf, textOf } from '../chat/protocols/json.ts'
import type { CallOptions } from '../chat/protocols/options.ts'

export interface TrialParts {
  providers: ProviderUseCases
  selection: ProviderSelection
  optionsOf: (call: Call) => CallOptions
  log: Logger
  tokens: Pick<AccountTokens, 'connection'>
}

const noDefaults = { effort: 'off', fallback: 'downgrade' }

/** What the settings say about reasoning, unless it is what happens anyway. */
const reasoningDefaults = (settings: Record<string, unknown>) => {
  const defaults = { ...noDefaults, ...objectOf(settings['reasoning_defaults']) }
  return defaults.effort === noDefaults.effort && defaults.fallback === noDefaults.fallback ? undefined : defaults
}

export const createTrialHttp = ({ providers, selection, optionsOf, log, tokens }: TrialParts) =>
  implementHttp(http.providerTrials)({
    listProviderModels: async ({ caller, call, params }) => {
      const provider = await providers.get(caller, params.id)
      const models = await listModels(connectionOf(provider), {
        ...optionsOf(call),
        onFailure: (err) => log.warn({ err, provider: provider.name }, 'listing models failed'),
      })
      const defaults = models.some(({ reasoning }) => reasoning !== undefined)
        ? reasoningDefaults(provider.settings)
        : undefined
      return { models, reasoningDefaults: defaults as { effort?: 'off' } | undefined }
    },

    verifyProvider: async ({ caller, call, params, body }) => {
      const provider = await providers.get(caller, params.id)
      const connection = provider.enabled ? await selection.named(provider.tenantId, provider.name) : undefined
      if (connection === undefined) return { valid: false, error: `provider not registered: ${provider.name}` }
      return verifyChat(await tokens.connection(connection), body?.model ?? '', optionsOf(call))
    },

    verifyProviderEmbedding: async ({ caller, call, params, body }) => {
      const provider = await providers.get(caller, params.id)
      const settings = objectOf(provider.settings['embedding']) ?? {}
      const wanted = {
        model: body?.model ?? textOf(settings['model']),
        dimensions: body?.dimensions || Number(settings['dimensions']) || 0,
      }
      return verifyEmbedding(connectionOf(provider), wanted, optionsOf(call))
    },

    getClaudeCliAuthStatus: async ({ caller, call }) => {
      const stored = await providers.list(caller)
      const named = stored.find(({ providerType, apiBase }) => providerType === 'claude_cli' && apiBase !== '')
      return claudeAuthStatus(named?.apiBase ?? '', optionsOf(call))
    },

    getEmbeddingStatus: async ({ call }) => {
      const choice = await selection.forEmbedding(call)
      if (choice === undefined) return { configured: false }
      const { connection, displayName, model } = choice
      return { configured: true, provider: displayName, providerName: connection.name, model }
    },
  })
