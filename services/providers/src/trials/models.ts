/** The models that a provider offers. */
import { factsOf, MeshError } from '@clawmesh/contracts'
import {
  connectionType,
  endpoint,
  resolveTarget,
  type ProviderConnection,
  type Target,
} from '../providers/connection.ts'
import { reasoningCapability, type ReasoningCapability } from '../chat/reasoning.ts'
import type { ProviderType } from '../providers/provider-types.ts'
import { anthropicHeaders } from '../chat/protocols/anthropic/request.ts'
import { boundedText, bounds } from '../chat/protocols/bounds.ts'
import type { UpstreamRequest } from '../chat/protocols/exchange.ts'
import { listOf, objectOf, textOf, type Json } from '../chat/protocols/json.ts'
import { openAiHeaders } from '../chat/protocols/openai/request.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { fetchJson } from '../chat/protocols/unary.ts'

/** One model as the API lists it. */
interface ListedModel extends ReturnType<typeof factsOf> {
  id: string
  /** Empty where the vendor gives none. */
  name: string
  reasoning: ReasoningCapability | undefined
}

const timeoutMs = 15_000

interface ModelSource {
  request: (target: Target) => UpstreamRequest
  entries: (body: Json) => readonly unknown[]
  read: (entry: Json) => { id: string; name: string }
}

const sources: Record<Extract<ProviderType['models'], string>, ModelSource> = {
  openai: {
    request: (target) => ({ method: 'GET', url: endpoint(target.base, '/models'), headers: openAiHeaders(target) }),
    entries: (body) => listOf(body['data']),
    read: ({ id }) => ({ id: textOf(id), name: textOf(id) }),
  },
  anthropic: {
    request: (target) => {
      const url = endpoint(target.base, '/models')
      url.searchParams.set('limit', '1000')
      return { method: 'GET', url, headers: anthropicHeaders(target) }
    },
    entries: (body) => listOf(body['data']),
    read: ({ id, display_name }) => ({ id: textOf(id), name: textOf(display_name) }),
  },
  gemini: {
    // Gemini's own list stands beside its OpenAI surface. The key goes out in a header: addresses end up in logs.
    request: (target) => {
      const url = endpoint(target.base.replace(/\/openai$/, ''), '/models')
      url.searchParams.set('pageSize', '1000')
      return { method: 'GET', url, headers: { 'x-goog-api-key': target.key } }
    },
    entries: (body) => listOf(body['models']),
    read: ({ name, displayName }) => ({ id: textOf(name).replace(/^models\//, ''), name: textOf(displayName) }),
  },
}

const listed = (type: string, model: { id: string; name: string }): ListedModel => {
  const id = boundedText(model.id, bounds.model)
  const name = boundedText(model.name, bounds.model)
  const reasoning = reasoningCapability(id)
  return { id, name, reasoning, ...factsOf(type, id) }
}

const fetchModels = async (target: Target, source: ModelSource, options: CallOptions): Promise<ListedModel[]> => {
  const quick = { ...options, timeouts: { connectMs: timeoutMs, wholeMs: timeoutMs }, retry: { attempts: 1 } }
  return fetchJson(target, source.request(target), quick, (body) =>
    source
      .entries(body)
      .slice(0, bounds.listedModels)
      .map((entry) => source.read(objectOf(entry) ?? {}))
      .filter(({ id }) => id !== '')
      .map((model) => listed(target.connection.type, model)),
  )
}

/**
 * The models of a provider in upstream's order: a type's fixed list, or what the vendor's API lists (tried once, 15 s).
 * `reasoning` is there for models of the capability registry. When upstream fails the list is empty and `onFailure` is
 * called with the reason.
 * @throws INVALID_REQUEST when the type needs a key and none is stored, FAILED_PRECONDITION for an unknown type,
 * CANCELLED
 */
export const listModels = async (
  connection: ProviderConnection,
  options: CallOptions & { onFailure?: (error: MeshError) => void },
): Promise<ListedModel[]> => {
  const type = connectionType(connection)
  if (type.needsKey && connection.apiKey.trim() === '') throw new MeshError('INVALID_REQUEST', 'error.api_key_required')
  const { models } = type
  if (typeof models !== 'string') return models.map((model) => listed(connection.type, model))
  try {
    return await fetchModels(resolveTarget(connection, options), sources[models], options)
  } catch (error) {
    if (!(error instanceof MeshError) || error.code === 'CANCELLED') throw error
    options.onFailure?.(error)
    return []
  }
}
