/** One question to an agent's model beside its conversations: a summary, a title. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { LiveEvents } from './live-events.ts'
import { callModel, type Chat } from './model-call.ts'
import { modelRouting } from './model-options.ts'
import { textMessage } from './model-messages.ts'
import type { RunTrace } from './spans.ts'

interface ModelQuestion {
  agent: Agent
  /** What it is for. */
  name: string
  system: string
  text: string
  maxTokens: number
  temperature: number
  withinMs: number
}

/** The answer as text. @throws the provider's error; UNAVAILABLE for an empty answer; AGENT_TIMEOUT */
export type AskModel = (question: ModelQuestion) => Promise<string>

/** Nobody watches. */
export const unwatched: LiveEvents = { text: () => undefined, send: () => undefined, settled: async () => undefined }

/** @param trace where the call and what it cost are recorded */
export const createAskModel =
  (chat: Chat, call: Call, trace: RunTrace): AskModel =>
  async ({ agent, name, system, text, maxTokens, temperature, withinMs }) => {
    const time = AbortSignal.timeout(withinMs)
    const { content } = await callModel({
      call: { ...call, signal: AbortSignal.any([call.signal, time]) },
      request: {
        provider: agent.provider,
        model: agent.model,
        messages: [textMessage('system', system), textMessage('user', text)],
        tools: [],
        stream: false,
        options: { maxTokens, temperature, reasoningEffort: '' },
        sampling: undefined,
        routing: modelRouting(agent, {}, ''),
      },
      iteration: 1,
      chat,
      live: unwatched,
      trace,
      onText: async () => undefined,
      onToolCall: async () => undefined,
      isFinal: () => true,
    }).catch((thrown: unknown) => {
      if (time.aborted) throw new MeshError('AGENT_TIMEOUT', 'error.timeout', { what: name }, { cause: thrown })
      throw thrown
    })
    if (content === '' || content === '...')
      throw new MeshError('UNAVAILABLE', 'error.provider_request_failed', {
        provider: agent.provider,
        reason: `an empty ${name}`,
      })
    return content
  }
