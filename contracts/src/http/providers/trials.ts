import { z } from 'zod'
import { idParams } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { reasoningLevel, shownReasoningDefaults } from './providers.ts'

const verifyBodyLimitBytes = 65_536

export const providerTrials = defineHttpTable('providers', {
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
            reasoning: z
              .object({ levels: z.array(reasoningLevel).optional(), default_effort: reasoningLevel.optional() })
              .optional(),
          }),
        ),
        reasoning_defaults: shownReasoningDefaults.optional(),
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
