/** Embeddings as OpenAI's clients ask for them. */
import { z } from 'zod'
import { openAiUser } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const tokens = z.array(z.number().int()).min(1)

const input = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2_048), tokens, z.array(tokens).min(1).max(2_048)])
  .meta({ description: 'One text or up to 2,048; texts as tokens are refused', examples: ['When is the release?'] })

export const embeddings = defineHttpTable('providers', {
  createEmbedding: {
    method: 'POST',
    path: '/v1/embeddings',
    role: 'operator',
    summary: "Vectors for texts, from the tenant's embedding provider",
    rules: {
      embedsTexts: 'A text or a list of texts is answered with a vector each, in their order, and the tokens used',
      usesTheTenantsProvider:
        "The tenant's embedding provider answers; `model` names one of its models, and is the tenant's own where it is empty or names an agent",
      answers412WithoutProvider: 'A tenant without an embedding provider is answered 412',
      takesDimensions:
        "`dimensions` are asked of the provider; without them a model of the tenant's own has the configured width",
      encodesBase64: 'With `encoding_format` base64 a vector is the base64 of its 32-bit floats, little-endian',
      refusesTokens: 'Texts as tokens are answered 400 with `param` input, as the model that reads them is not known',
      refusesUnknownParameters: 'A parameter that OpenAI does not have is answered 400 `unknown_parameter`',
      answersProviderErrors: 'What the provider refuses or fails is answered as in chat',
      nestsErrors: "Errors are JSON in OpenAI's shape",
    },
    body: z.looseObject({
      input,
      model: z
        .string()
        .max(500)
        .default('')
        .meta({ examples: ['text-embedding-3-small'] }),
      dimensions: z.number().int().min(1).max(8_192).nullish(),
      encoding_format: z.enum(['float', 'base64']).nullish(),
      user: openAiUser.nullish(),
    }),
    response: {
      200: z
        .object({
          object: z.literal('list'),
          data: z.array(
            z.object({
              object: z.literal('embedding'),
              index: z.number().int(),
              embedding: z.union([z.array(z.number()), z.string()]),
            }),
          ),
          model: z.string(),
          usage: z.object({ prompt_tokens: z.number().int(), total_tokens: z.number().int() }),
        })
        .meta({ id: 'Embeddings', description: 'Vectors as OpenAI words them' }),
    },
    errors: [400, 404, 412, 429, 503, 504],
    dialect: 'openai',
  },
})
