import type {
  ChatRequest,
  ChatResponse,
  ProvidersServiceService,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { tracedStream, type RpcFunctions, type Span } from '@clawmesh/chassis'
import type { ProviderConnection } from '../providers/connection.ts'
import type { createRouter } from '../routing/route.ts'
import { chat } from './chat.ts'
import type { CallOptions } from './protocols/options.ts'

/** Notes on the span what a call has used, in the words of the GenAI semantic conventions. */
const observed = async function* (events: AsyncIterable<ChatResponse>, span: Span): AsyncGenerator<ChatResponse> {
  for await (const message of events) {
    if (message.event?.$case === 'done') {
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

/** Asks one provider, under a span of its own. */
export const askTraced = (
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncIterable<ChatResponse> => {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': connection.type,
    'gen_ai.request.model': request.model,
    'gen_ai.request.stream': request.stream,
  }
  return tracedStream({ name: `chat ${request.model}`, kind: 'client', attributes }, (span) => {
    const events = chat(connection, request, options)
    return span === undefined ? events : observed(events, span)
  })
}

export const createChatRpc = (route: ReturnType<typeof createRouter>) =>
  ({ chat: route }) satisfies Partial<RpcFunctions<typeof ProvidersServiceService>>
