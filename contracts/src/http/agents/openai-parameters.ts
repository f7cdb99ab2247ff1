/** Parameters that OpenAI's chat completions and responses share. */
import { z } from 'zod'
import { smallRecord } from '../../small-record.ts'
import { json } from '../common.ts'

/** Names of functions as OpenAI takes them. */
export const functionName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/)
/** Tools in one request. */
export const mostTools = 128

const parameters = json.meta({ description: "A JSON Schema of the function's arguments" })

/** What describes a function that the client runs. */
export const functionFields = {
  name: functionName.meta({ examples: ['get_weather'] }),
  description: z.string().nullish(),
  parameters: parameters.nullish(),
  strict: z.boolean().nullish().meta({ description: 'The arguments are to follow the schema exactly' }),
}

/** What describes the form of an answer. */
export const schemaFields = {
  name: functionName.meta({ examples: ['answer'] }),
  description: z.string().nullish(),
  schema: json.optional(),
  strict: z.boolean().nullish(),
}

export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/** Notes of the client about its request. */
export const metadata = smallRecord(
  16,
  'pairs',
  z
    .record(z.string().max(64), z.string().max(512))
    .meta({ description: 'Kept with the trace of the run; at most 16 pairs', examples: [{ ticket: 'A-17' }] }),
)

/** Of every route that asks a model. */
export const disableFallbacks = z
  .boolean()
  .nullish()
  .meta({ description: "Only the agent's own model may answer, whatever fallbacks there are" })

/** Parameters that shape an answer, beside the token limit. */
export const sampling = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  metadata: metadata.nullish(),
  disable_fallbacks: disableFallbacks,
  prompt_cache_key: z
    .string()
    .max(1_000)
    .nullish()
    .meta({ description: 'Calls that share it begin with the same prompt', examples: [null] }),
}
