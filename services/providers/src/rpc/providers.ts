import type { ChatResponse, ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import { tracedStream, type Call, type RpcFunctions, type Span } from '@clawmesh/chassis'
import { chat } from '../domain/chat.ts'
import { embed } from '../domain/embed.ts'
import type { ProviderSelection } from '../domain/selection.ts'
import type { CallOptions } from '../domain/protocols/options.ts'

/** Notes on the span what a call has used, in the words of the GenAI semantic conventions. */
const observed = async function* (
  events: AsyncIterable<ChatResponse>,
  span: Span | undefined,
): AsyncGenerator<ChatResponse> {
  for await (const message of events) {
    if (span !== undefined && message.event?.$case === 'done') {
      const { model, finishReason, usage } = message.event.value
      span.setAttributes({
        'gen_ai.response.model': model,
        'gen_ai.response.finish_reasons': [finishReason],
        'gen_ai.usage.input_tokens': usage?.inputTokens ?? 0,
        'gen_ai.usage.output_tokens': usage?.outputTokens ?? 0,
        'gen_ai.usage.cache_read.input_tokens': usage?.cacheReadTokens ?? 0,
        'gen_ai.usage.cache_creation.input_tokens': usage?.cacheCreationTokens ?? 0,
      })
    }
    yield message
  }
}

const unconfigured = { configured: false, vectors: [], provider: '', model: '' }

export const createProvidersRpc = (
  selection: ProviderSelection,
  options: (call: Call) => CallOptions,
): RpcFunctions<typeof ProvidersServiceService> => ({
  chat: async function* (call, request) {
    const connection = await selection.forChat(call, request.provider)
    const attributes = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': connection.type,
      'gen_ai.request.model': request.model,
      'gen_ai.request.stream': request.stream,
    }
    yield* tracedStream({ name: `chat ${request.model}`, kind: 'client', attributes }, (span) =>
      observed(chat(connection, request, options(call)), span),
    )
  },

  embed: async (call, { texts, provider, model, dimensions }) => {
    const choice = await selection.forEmbedding(call)
    const named = provider === '' ? undefined : await selection.named(call.caller.tenantId, provider)
    if (provider !== '' && named === undefined)
      throw new MeshError('FAILED_PRECONDITION', 'error.not_found', { kind: 'provider', id: provider })
    const connection = named ?? choice?.connection
    if (connection === undefined) return unconfigured
    const answer = await embed(
      connection,
      {
        texts,
        model: model || (named === undefined ? choice!.model : ''),
        dimensions: dimensions || (named === undefined ? choice!.dimensions : 0),
      },
      options(call),
    )
    return { configured: true, vectors: answer.vectors, provider: connection.name, model: answer.model }
  },
})
