/** One model call of a run: passes deltas on as they come and returns the whole answer. */
import type {
  ChatDone,
  ChatRequest,
  ChatResponse,
  PoolEvidence,
  ToolCallDelta,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { answeredBytes, estimatedInputTokens, MeshError, toMeshError, tokensOfBytes } from '@clawmesh/contracts'
import { pacedWork, type Call } from '@clawmesh/chassis'
import { createAnswerText } from './finish.ts'
import type { LiveEvents } from './live-events.ts'
import { callFields, poolNote, type RunTrace } from './spans.ts'

export type Chat = (call: Call, request: ChatRequest) => AsyncIterable<ChatResponse>

interface ModelCall {
  call: Call
  request: ChatRequest
  iteration: number
  chat: Chat
  live: LiveEvents
  trace: RunTrace
  /** Takes the text for the reader as it comes; what it returns is waited for, so that a slow reader slows the model. */
  onText: (delta: string) => Promise<void>
  /** Takes what the model thinks as it comes; waited for likewise. */
  onThinking?: (delta: string) => Promise<void>
  /** Takes the tool calls as they are written; waited for likewise. */
  onToolCall: (delta: ToolCallDelta) => Promise<void>
  /** Whether the run ends with an answer, instead of with what tools say. */
  isFinal: (done: ChatDone) => boolean
}

/** Characters that are cleaned before everybody else has a turn: an answer may come as one delta, or all its deltas at once. */
const cleanedAtOnce = 16_384

/** A whole answer, and the files that it named for delivery. */
export type ModelAnswer = ChatDone & { media: readonly string[] }

/**
 * Asks the model. The content of what it returns is what the reader got: cleaned once, for delivery and storage.
 * @throws the provider's error, or CANCELLED
 */
export const callModel = async ({
  call,
  request,
  iteration,
  chat,
  live,
  trace,
  onText,
  onThinking,
  onToolCall,
  isFinal,
}: ModelCall): Promise<ModelAnswer> => {
  const span = trace.llmCall(iteration, request.messages.at(-1)?.content ?? '')
  const text = createAnswerText()
  let streamed = ''
  let heardBytes = 0
  let answer: ModelAnswer | undefined
  let pooled: PoolEvidence | undefined
  const show = async (shown: string): Promise<void> => {
    if (shown === '') return
    live.text('chunk', shown)
    await onText(shown)
  }
  const pace = pacedWork(call.caller.tenantId, cleanedAtOnce)
  const say = async (delta: string): Promise<void> => {
    for (let at = 0; at < delta.length; at += cleanedAtOnce) {
      const piece = delta.slice(at, at + cleanedAtOnce)
      await show(await pace(piece.length, () => text.push(piece)))
    }
  }
  try {
    // Read to its end, not just to the answer: leaving a stream early cancels the call on both sides.
    for await (const piece of chat(call, { ...request, spender: trace.spender(iteration) })) {
      heardBytes += answeredBytes(piece)
      const { event } = piece
      switch (event?.$case) {
        case 'textDelta':
          streamed += event.value
          await say(event.value)
          break
        case 'thinkingDelta':
          live.text('thinking', event.value)
          await onThinking?.(event.value)
          break
        case 'toolCallDelta':
          await onToolCall(event.value)
          break
        case 'pooled':
          pooled = event.value
          break
        case 'retrying':
          live.send({ type: 'run.retrying', attempt: event.value.attempt, reason: event.value.reason })
          break
        case 'continued': {
          const { provider, model } = event.value
          live.send({ type: 'activity', phase: 'continued_by_fallback', iteration, content: `${provider}/${model}` })
          break
        }
        case 'done': {
          const done = event.value
          span.end({
            name: `${done.provider}/${done.model} #${iteration}`,
            provider: done.provider,
            model: done.model,
            finish_reason: done.finishReason,
            output_preview: done.content,
            ...callFields(done, pooled),
          })
          // What came in deltas has been seen; a provider that does not stream, or not all, says the rest here.
          if (done.content.startsWith(streamed)) await say(done.content.slice(streamed.length))
          await show(text.end(isFinal(done)))
          answer = { ...done, content: text.whole(), media: text.media() }
        }
      }
    }
    if (answer === undefined) throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider: request.provider })
    return answer
  } catch (thrown) {
    const error = call.signal.aborted
      ? new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
      : toMeshError(thrown)
    // The vendor works for who has left, and says nothing of it any more.
    const isLeft = call.signal.aborted && heardBytes > 0
    span.end({
      provider: request.provider,
      model: request.model,
      error: error.message,
      ...(isLeft ? { input_tokens: estimatedInputTokens(request), output_tokens: tokensOfBytes(heardBytes) } : {}),
      ...(isLeft || pooled !== undefined
        ? {
            metadata: {
              ...(isLeft ? { usage_estimated: true } : {}),
              ...(pooled === undefined ? {} : poolNote(pooled)),
            },
          }
        : {}),
    })
    throw error
  }
}
