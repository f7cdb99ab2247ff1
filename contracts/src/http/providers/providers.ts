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
    api_base: z.string().optional(),
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
})
