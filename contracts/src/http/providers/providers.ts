import { z } from 'zod'
import { idParams, slug, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const providerTypes = [
  'anthropic_native',
  'openai_compat',
  'gemini_native',
  'openrouter',
  'groq',
  'deepseek',
  'mistral',
  'xai',
  'minimax_native',
  'cohere',
  'perplexity',
  'dashscope',
  'bailian',
  'chatgpt_oauth',
  'claude_cli',
  'suno',
  'yescale',
  'zai',
  'zai_coding',
  'ollama',
  'ollama_cloud',
  'acp',
  'novita',
] as const
export const providerType = z.enum(providerTypes)

const levels = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const
export const reasoningLevel = z.enum(levels)
const reasoningDefaults = {
  effort: z.enum(['off', 'auto', ...levels]).optional(),
  fallback: z.enum(['downgrade', 'off', 'provider_default']).optional(),
}
export const shownReasoningDefaults = z.object(reasoningDefaults)

/** How the accounts of a pool are asked. */
export const poolStrategies = ['primary_first', 'round_robin', 'priority_order'] as const

export const providerSettings = z.looseObject({
  embedding: z
    .looseObject({
      enabled: z.boolean().optional(),
      model: z.string().optional(),
      api_base: z.string().optional(),
      dimensions: z.number().int().min(0).max(8192).optional(),
    })
    .optional(),
  reasoning_defaults: z.looseObject(reasoningDefaults).optional(),
})

export const provider = z
  .object({
    id: uuid,
    created_at: timestamp,
    updated_at: timestamp,
    tenant_id: uuid,
    name: z.string(),
    display_name: z.string().optional(),
    provider_type: providerType,
    type: providerType.describe('Same as provider_type'),
    api_base: z.string().optional(),
    has_key: z.boolean().describe('Whether a key is stored'),
    api_key: z.literal('***').optional().describe('Present only when a key is stored'),
    enabled: z.boolean(),
    settings: providerSettings.optional(),
  })
  .meta({ id: 'Provider', description: 'An LLM or embedding provider, its secret masked' })

export const providers = defineHttpTable('providers', {
  listProviders: {
    method: 'GET',
    path: '/v1/providers',
    role: 'admin',
    summary: 'Every LLM provider of the tenant, secrets masked',
    rules: {
      isForAdmins: 'An operator may not see providers',
      ordersByName: 'Providers come in the order of their names, all of them',
      listsOwnTenantOnly: 'Providers of other tenants, the master tenant among them, are not listed',
      masksKeys: 'A stored key shows as `***` with `has_key` true; without one `api_key` is absent and `has_key` false',
      isAnArrayWhenEmpty: 'A tenant without providers has an empty list, not null',
    },
    response: { 200: z.object({ providers: z.array(provider) }) },
    errors: [],
  },
  createProvider: {
    method: 'POST',
    path: '/v1/providers',
    role: 'admin',
    summary: 'Store a provider and make it usable at once; the same name overwrites',
    rules: {
      overwritesSameName: 'A provider of the same name is overwritten as a whole and keeps its id; the answer is 201',
      clearsAnOmittedKey: 'Overwriting without `api_key` clears the stored key',
      keepsAMaskedKeyInItsPlace:
        '`***` as key keeps the stored one where address and type stay, and loses it where one of them changes',
      defaultsToEnabled: 'A provider is enabled unless said otherwise',
      takesTheShortNameOfMinimax: 'The type `minimax` is stored as `minimax_native`',
      ignoresWhatTheServerSets: 'Tenant, id and times in the body are ignored',
      hasOneClaudeCli:
        'A second provider of type claude_cli in a tenant is answered 409, even when two come at the same time',
      sealsTheKey: 'The key is encrypted in the database and in no answer',
      servesAtOnce: 'A stored provider serves the next call',
      isAnEvent: 'The creation is an event that names who did it',
      guardsAddresses:
        'Private addresses are refused as `api_base` and as `settings.embedding.api_base`; nothing is stored',
      takesPrograms: 'For acp and claude_cli `api_base` is the name of a known program or an absolute path',
      checksTheBody:
        'Name and type are required, a name is a slug of at most 50 characters and a type one of the known',
    },
    body: z.object({
      name: slug(50),
      display_name: z.string().max(255).optional(),
      provider_type: z.union([providerType, z.literal('minimax').transform(() => 'minimax_native' as const)]),
      api_base: z.string().max(2048).optional(),
      api_key: z.string().max(8192).optional(),
      enabled: z.boolean().default(true),
      settings: providerSettings.optional(),
    }),
    response: { 201: provider },
    errors: [400, 409],
  },
  getProvider: {
    method: 'GET',
    path: '/v1/providers/{id}',
    role: 'admin',
    summary: 'One provider, its key masked',
    rules: {
      isOfItsTenantOnly: 'A provider of another tenant is answered 404, as an unknown one is',
      showsSettingsAsStored: 'Settings are answered as they were stored, fields that are not known included',
    },
    params: idParams,
    response: { 200: provider },
    errors: [400, 404],
  },
  updateProvider: {
    method: 'PUT',
    path: '/v1/providers/{id}',
    role: 'admin',
    summary: 'Change chosen fields of a provider',
    rules: {
      changesGivenFieldsOnly: 'Fields that the body does not name stay, and the answer is `{"status": "updated"}`',
      keepsAMaskedOrEmptyKey: '`***` and an empty text as key leave the stored one',
      losesTheKeyWithItsAddress:
        'Another `api_base`, for chats or for embeddings, loses the stored key unless the same body has a new one; calls are then answered 412',
      replacesSettings: 'Settings are replaced as a whole',
      ignoresUnknownFields: 'Fields that are not known are ignored, older ones among them',
      keepsTheType: 'The stored type is accepted, another one is refused',
      takesBaseUrl: '`base_url` stands for `api_base` where that is absent, and is checked alike',
      checksPoolsAsTheyWillBe:
        'Pools and addresses are checked as they would be once stored: a pool member cannot be renamed away',
      servesUnderItsNewNameAtOnce:
        'After a rename the old name serves no call and the new one does; a disabled provider serves none',
      isAnEvent: 'The change is an event that names who did it; a name that is taken is answered 409',
    },
    params: idParams,
    body: z.object({
      name: slug(50).optional(),
      display_name: z.string().max(255).optional(),
      provider_type: providerType.optional(),
      api_base: z.string().max(2048).optional(),
      base_url: z.string().max(2048).optional().describe('Alias of api_base'),
      api_key: z.string().max(8192).optional().describe('"***" and "" mean unchanged'),
      enabled: z.boolean().optional(),
      settings: providerSettings.optional(),
    }),
    response: { 200: statusIs('updated') },
    errors: [400, 404, 409],
  },
  deleteProvider: {
    method: 'DELETE',
    path: '/v1/providers/{id}',
    role: 'admin',
    summary: 'Remove a provider; an unknown id is fine',
    rules: {
      acceptsAnUnknownId: 'An unknown id, or one of another tenant, is answered as a deletion and deletes nothing',
      servesNoMore: 'A deleted provider serves no call until its name is stored again',
      isAnEventOnce: 'The deletion is one event that names who did it, whoever else deletes at the same time',
      leavesOthers: 'Other providers of the tenant stay as they are',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
})
