/** Vectors for texts, over OpenAI-compatible embedding endpoints. */
import { MeshError } from '@clawmesh/contracts'
import type { Vector } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  connectionType,
  endpoint,
  resolveTarget,
  unsupported,
  type ProviderConnection,
} from '../providers/connection.ts'
import type { UpstreamRequest } from '../chat/protocols/exchange.ts'
import { countOf, jsonLimits, listOf, objectOf, textOf, type Json } from '../chat/protocols/json.ts'
import { openAiHeaders } from '../chat/protocols/openai/request.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { fetchJson, unexpectedAnswer } from '../chat/protocols/unary.ts'

export const defaultEmbeddingModel = 'text-embedding-3-small'
const batchSize = 100
const dimensionsLimit = 8192
/** Vectors are many numbers under few keys. */
const answerLimits = { ...jsonLimits, values: 1_000_000, keys: 10_000 }

interface Embedding {
  texts: readonly string[]
  /** Empty means the connection's, else text-embedding-3-small. */
  model: string
  /** Width asked for; 0 means the model's own. Only 1 to 8192 is sent. */
  dimensions: number
}

interface Embeddings {
  /** In the order of the texts. */
  vectors: Vector[]
  model: string
  inputTokens: number
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number')

interface Batch {
  vectors: Vector[]
  inputTokens: number
}

/** Vectors by their `index`, or by place where a server leaves it out. */
const readBatch = (body: Json, expected: number): Batch => {
  const vectors = new Array<Vector | undefined>(expected).fill(undefined)
  listOf(body['data']).forEach((entry, place) => {
    const fields = objectOf(entry)
    const index = fields?.['index'] ?? place
    const values = fields?.['embedding']
    if (typeof index !== 'number' || !(index in vectors) || vectors[index]) throw unexpectedAnswer('bad vector index')
    if (!isVector(values)) throw unexpectedAnswer('answer with something else than vectors')
    vectors[index] = { values }
  })
  const whole = vectors.filter((vector) => vector !== undefined)
  if (whole.length !== expected) throw unexpectedAnswer(`${whole.length} vectors for ${expected} texts`)
  if (whole.some(({ values }) => values.length !== whole[0]!.values.length))
    throw unexpectedAnswer('vectors of different widths')
  return { vectors: whole, inputTokens: countOf(objectOf(body['usage'])?.['prompt_tokens']) }
}

/**
 * Vectors for texts, asked for in batches of at most 100 and kept in order. The connection's `settings.embedding` may
 * name another model and api_base.
 * @throws MeshError FAILED_PRECONDITION for a type that cannot embed, else as a chat does
 */
export const embed = async (
  connection: ProviderConnection,
  { texts, model: wanted, dimensions }: Embedding,
  options: CallOptions,
): Promise<Embeddings> => {
  if (!connectionType(connection).canEmbed) throw unsupported(connection, 'embeddings')
  const settings = objectOf(connection.settings['embedding']) ?? {}
  const base = textOf(settings['api_base']).trim()
  const target = resolveTarget(connection, { inContainer: options.inContainer, base })
  const model = wanted.trim() || textOf(settings['model']).trim() || defaultEmbeddingModel
  if (dimensions < 0)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'dimensions', reason: 'negative' })

  const request = (batch: readonly string[]): UpstreamRequest => ({
    method: 'POST',
    url: endpoint(target.base, '/embeddings'),
    headers: openAiHeaders(target),
    body: JSON.stringify({
      input: batch,
      model,
      ...(dimensions >= 1 && dimensions <= dimensionsLimit ? { dimensions } : {}),
    }),
  })
  const answer: Embeddings = { vectors: [], model, inputTokens: 0 }
  for (let from = 0; from < texts.length; from += batchSize) {
    const batch = texts.slice(from, from + batchSize)
    const read = (body: Json) => readBatch(body, batch.length)
    const { vectors, inputTokens } = await fetchJson(target, request(batch), options, read, answerLimits)
    answer.vectors.push(...vectors)
    answer.inputTokens += inputTokens
  }
  return answer
}
