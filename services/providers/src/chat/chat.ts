/** Chat calls to a provider of any type. */
import type { ChatRequest, ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { connectionType, resolveModel, unsupported, type ProviderConnection } from '../providers/connection.ts'
import type { ProtocolName } from '../providers/provider-types.ts'
import { anthropicProtocol } from './protocols/anthropic/protocol.ts'
import { callProtocol } from './protocols/call.ts'
import { codexProtocol } from './protocols/codex/protocol.ts'
import { geminiProtocol, needsGemini } from './protocols/gemini/protocol.ts'
import { mockChat } from './protocols/mock.ts'
import { openAiProtocol } from './protocols/openai/protocol.ts'
import { acpChat } from '../programs/acp.ts'
import { claudeCliChat } from '../programs/claude-cli.ts'
import type { CallOptions } from './protocols/options.ts'
import { decideReasoning } from './reasoning.ts'

type Call = (
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
) => AsyncGenerator<ChatResponse, void, void>

const calls: Partial<Record<ProtocolName, Call>> = {
  openai: (...call) => callProtocol(needsGemini(call[0], call[1]) ? geminiProtocol : openAiProtocol, ...call),
  anthropic: (...call) => callProtocol(anthropicProtocol, ...call),
  codex: (...call) => callProtocol(codexProtocol, ...call),
  claude_cli: claudeCliChat,
  acp: acpChat,
  mock: mockChat,
}

/** Makes a call with what is to be told of reasoning, and says at its end how that came about. */
async function* reasoned(
  call: Call,
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncGenerator<ChatResponse, void, void> {
  const type = connectionType(connection)
  const model = type.canReason ? resolveModel({ connection, type }, request.model) : request.model
  const wished = request.options!
  const decided = decideReasoning(model, type.canReason, wished, connection.settings)
  const settled = { ...request, options: { ...wished, reasoningEffort: decided?.sent ?? '' } }
  for await (const response of call(connection, settled, options)) {
    const { event } = response
    if (decided === undefined || event?.$case !== 'done') yield response
    else yield { event: { $case: 'done', value: { ...event.value, reasoning: decided.decision } } }
  }
}

/**
 * One model call: deltas as they come, then exactly one `done`; without `request.stream` only `done`. `retrying` may
 * come first, in either case. `request.provider` is not looked at: the connection is the provider.
 *
 * Abort `options.signal` to end the call; leaving the loop does the same once its pending step is over.
 * @throws MeshError at the call FAILED_PRECONDITION for a type that cannot chat, else while iterating:
 * FAILED_PRECONDITION (no key, key refused), INVALID_REQUEST (refused; context too long; withheld), NOT_FOUND (model),
 * RESOURCE_EXHAUSTED (rate limit, with upstream's retryAfterMs), UNAVAILABLE (failed or cut), AGENT_TIMEOUT, CANCELLED
 */
export const chat = (
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncGenerator<ChatResponse, void, void> => {
  const type = connectionType(connection)
  const call = type.canChat ? calls[type.protocol] : undefined
  if (!call) throw unsupported(connection, 'chat')
  const { reasoningSource = '', inheritsReasoning = false } = request.options ?? {}
  const isWished = reasoningSource !== '' || inheritsReasoning
  return isWished ? reasoned(call, connection, request, options) : call(connection, request, options)
}
