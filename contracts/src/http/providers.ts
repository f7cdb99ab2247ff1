import { z } from 'zod'
import { idParams, slug, statusIs, timestamp, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

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

const effort = z.enum(['off', 'auto', 'none', 'minimal', 'low', 'medium', 'high', 'xhigh'])
const fallback = z.enum(['downgrade', 'off', 'provider_default'])

export const providerSettings = z.looseObject({
  embedding: z
    .looseObject({
      enabled: z.boolean().optional(),
      model: z.string().optional(),
      api_base: z.string().optional(),
      dimensions: z.number().int().min(0).max(8192).optional(),
    })
    .optional(),
  reasoning_defaults: z.looseObject({ effort: effort.optional(), fallback: fallback.optional() }).optional(),
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
    api_base: z.string().optional(),
    api_key: z.literal('***').optional().describe('Present only when a key is stored'),
    enabled: z.boolean(),
    settings: providerSettings.optional(),
  })
  .meta({ id: 'Provider', description: 'An LLM or embedding provider, its secret masked' })

const level = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])
const verifyBodyLimitBytes = 65_536

export const providers = defineHttpService('providers', {
  listProviders: {
    method: 'GET',
    path: '/v1/providers',
    role: 'admin',
    summary: 'Every LLM provider of the tenant, secrets masked',
    response: { 200: z.object({ providers: z.array(provider) }) },
    errors: [],
  },
  createProvider: {
    method: 'POST',
    path: '/v1/providers',
    role: 'admin',
    summary: 'Store a provider and make it usable at once; the same name overwrites',
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
    params: idParams,
    response: { 200: provider },
    errors: [400, 404],
  },
  updateProvider: {
    method: 'PUT',
    path: '/v1/providers/{id}',
    role: 'admin',
    summary: 'Change chosen fields of a provider',
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
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
  listProviderModels: {
    method: 'GET',
    path: '/v1/providers/{id}/models',
    role: 'admin',
    summary: 'Models of a provider with known reasoning abilities',
    params: idParams,
    response: {
      200: z.object({
        models: z.array(
          z.object({
            id: z.string(),
            name: z.string().optional(),
            reasoning: z.object({ levels: z.array(level).optional(), default_effort: level.optional() }).optional(),
          }),
        ),
        reasoning_defaults: z.object({ effort: effort.optional(), fallback: fallback.optional() }).optional(),
      }),
    },
    errors: [400, 404],
  },
  verifyProvider: {
    method: 'POST',
    path: '/v1/providers/{id}/verify',
    role: 'admin',
    summary: 'Try a provider and model with one tiny completion',
    params: idParams,
    body: z.object({ model: z.string().max(200).optional() }).optional(),
    bodyLimitBytes: verifyBodyLimitBytes,
    response: {
      200: z.object({ valid: z.boolean(), error: z.string().optional(), note: z.string().optional() }),
    },
    errors: [400, 404],
  },
  verifyProviderEmbedding: {
    method: 'POST',
    path: '/v1/providers/{id}/verify-embedding',
    role: 'admin',
    summary: 'Try the embedding endpoint of a provider with the text "test"',
    params: idParams,
    body: z
      .object({ model: z.string().max(200).optional(), dimensions: z.number().int().min(0).optional() })
      .optional(),
    bodyLimitBytes: verifyBodyLimitBytes,
    response: {
      200: z.object({
        valid: z.boolean(),
        dimensions: z.number().int().optional(),
        dimension_mismatch: z.literal(true).optional(),
        error: z.string().optional(),
      }),
    },
    errors: [400, 404],
  },
  getEmbeddingStatus: {
    method: 'GET',
    path: '/v1/embedding/status',
    role: 'admin',
    summary: 'Whether memory search has an embedding provider',
    response: {
      200: z.object({
        configured: z.boolean(),
        provider: z.string().optional(),
        provider_name: z.string().optional(),
        model: z.string().optional(),
      }),
    },
    errors: [],
  },
})
