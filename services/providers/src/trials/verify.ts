/** Tries a provider: one tiny completion, or one embedding. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import { findProgram } from '@clawmesh/chassis/exec'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { chat } from '../chat/chat.ts'
import { connectionType, type ProviderConnection } from '../providers/connection.ts'
import { embed } from '../embeddings/embed.ts'
import { userMessage } from '../chat/protocols/conversation.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { notHere } from '../programs/program.ts'
import type { ProviderType } from '../providers/provider-types.ts'

const timeoutMs = 30_000
/** Vectors of any other width do not fit clients that assume OpenAI's. */
const expectedWidth = 1_536
/** Models that make pictures or films cannot be asked for a word. */
const generative = /(^|\/)(veo-|dall-e-|imagen-|gemini-2\.5-flash-image|grok-imagine|grok-2-image)/i

interface Verdict {
  valid: boolean
  error?: string
  note?: string
}

const reasonOf = (thrown: unknown): string => toMeshError(thrown).message
const limited = (options: CallOptions): CallOptions => ({
  ...options,
  timeouts: { ...options.timeouts, wholeMs: timeoutMs, firstTokenMs: timeoutMs },
  retry: { attempts: 1 },
})

/** Whether the program of a provider is on this machine. Nothing is started. */
const verifyProgram = async (
  { apiBase }: ProviderConnection,
  { base, programs }: ProviderType,
  options: CallOptions,
): Promise<Verdict> => {
  const program = apiBase.trim() || base
  if (options.programs === undefined) return { valid: false, error: notHere().message }
  if (!programs.includes(program) && !isAbsolute(program)) return { valid: false, error: 'invalid binary path' }
  try {
    await access(await findProgram(program), constants.X_OK)
    return { valid: true }
  } catch {
    return { valid: false, error: `binary not found: ${basename(program)}` }
  }
}

/**
 * Whether a provider answers with a model. Whatever goes wrong upstream is a verdict, not an error.
 * @throws INVALID_REQUEST when no model is named and the type has no default
 */
export const verifyChat = async (
  connection: ProviderConnection,
  requested: string,
  options: CallOptions,
): Promise<Verdict> => {
  const type = connectionType(connection)
  if (type.verify === 'program') return verifyProgram(connection, type, options)
  const model = requested || type.model
  if (model === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'model' })
  if (type.verify === 'models' && typeof type.models !== 'string') {
    const known = type.models.map(({ id }) => id)
    return known.includes(model) ? { valid: true } : { valid: false, error: `model must be one of ${known.join(', ')}` }
  }
  if (generative.test(model)) return { valid: true, note: 'a generation model, accepted without a call' }
  try {
    const call = chat(
      connection,
      {
        provider: connection.name,
        model,
        messages: [userMessage([{ text: 'hi' }])],
        tools: [],
        stream: false,
        options: { maxTokens: 50, temperature: undefined, reasoningEffort: '' },
        sampling: undefined,
      },
      limited(options),
    )
    for await (const _event of call);
    return { valid: true }
  } catch (thrown) {
    return { valid: false, error: reasonOf(thrown) }
  }
}

interface EmbeddingVerdict {
  valid: boolean
  dimensions?: number
  dimensionMismatch?: true | undefined
  error?: string
}

/** Whether a provider makes vectors, and how wide they are. */
export const verifyEmbedding = async (
  connection: ProviderConnection,
  wanted: { model: string; dimensions: number },
  options: CallOptions,
): Promise<EmbeddingVerdict> => {
  if (!connectionType(connection).canEmbed) return { valid: false, error: 'provider type does not support embeddings' }
  try {
    const { vectors } = await embed(connection, { texts: ['test'], ...wanted }, limited(options))
    const dimensions = vectors[0]?.values.length ?? 0
    return { valid: true, dimensions, dimensionMismatch: dimensions === expectedWidth ? undefined : true }
  } catch (thrown) {
    return { valid: false, error: reasonOf(thrown) }
  }
}
