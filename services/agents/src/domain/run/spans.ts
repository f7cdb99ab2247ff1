/** The trace of a run, gathered in memory and recorded as one event at its end. */
import { newId } from '@clawmesh/chassis'
import type { EventData } from '@clawmesh/contracts'
import { storable } from '../storable.ts'
import type { Usage } from '../types.ts'

type Recorded = EventData<'traceRecorded'>
type Span = Recorded['spans'][number]

/** Longer previews are cut by traces anyway; this keeps the event small. */
const previewChars = 40_000

const preview = (text: string): string => storable(text.slice(0, previewChars))

export interface OpenSpan {
  /** Ends the span; `error` marks it as failed. */
  end: (result: Partial<Span>) => void
}

export interface RunTrace {
  llmCall: (iteration: number, inputPreview: string) => OpenSpan
  toolCall: (name: string, callId: string, argumentsJson: string) => OpenSpan
  finish: (result: { status: Recorded['trace']['status']; output: string; error?: string | undefined }) => Recorded
}

interface TraceStart {
  runId: string
  agentId: string
  agentKey: string
  userId: string
  sessionKey: string
  channel: string
  input: string
}

/** Fields of an llm_call span that a usage fills. */
export const usageFields = (usage: Usage) => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  metadata: {
    cache_read_tokens: usage.cacheReadTokens,
    cache_creation_tokens: usage.cacheCreationTokens,
    thinking_tokens: usage.thinkingTokens,
  },
})

/** Starts the trace of a run. The trace has the run's id. */
export const startTrace = (start: TraceStart, startedAt = new Date()): RunTrace => {
  const rootId = newId()
  const spans: Span[] = []

  const open = (fields: Omit<Span, 'id' | 'start_time' | 'status'>): OpenSpan => {
    const began = new Date()
    return {
      end: (result) => {
        const ended = new Date()
        spans.push({
          id: newId(),
          parent_span_id: rootId,
          agent_id: start.agentId,
          start_time: began.toISOString(),
          end_time: ended.toISOString(),
          duration_ms: ended.getTime() - began.getTime(),
          status: result.error === undefined ? 'completed' : 'error',
          ...fields,
          ...result,
          ...(result.output_preview === undefined ? {} : { output_preview: preview(result.output_preview) }),
        })
      },
    }
  }

  return {
    llmCall: (iteration, inputPreview) =>
      open({ span_type: 'llm_call', name: `#${iteration}`, input_preview: preview(inputPreview) }),
    toolCall: (name, callId, argumentsJson) =>
      open({
        span_type: 'tool_call',
        name,
        tool_name: name,
        tool_call_id: callId.slice(0, 100),
        input_preview: preview(argumentsJson),
      }),
    finish: ({ status, output, error }) => {
      const ended = new Date()
      const times = {
        start_time: startedAt.toISOString(),
        end_time: ended.toISOString(),
        duration_ms: ended.getTime() - startedAt.getTime(),
      }
      const failure = error === undefined ? {} : { error: error.slice(0, 2_000) }
      const name = `chat ${start.agentKey}`
      const root: Span = {
        id: rootId,
        agent_id: start.agentId,
        span_type: 'agent',
        name,
        status: status === 'completed' ? 'completed' : 'error',
        ...times,
        ...failure,
      }
      return {
        trace: {
          id: start.runId,
          run_id: start.runId,
          agent_id: start.agentId,
          ...(start.userId === '' ? {} : { user_id: start.userId }),
          session_key: start.sessionKey,
          channel: start.channel,
          name,
          status,
          input_preview: preview(start.input),
          output_preview: preview(output),
          created_at: startedAt.toISOString(),
          ...times,
          ...failure,
        },
        spans: [root, ...spans],
      }
    },
  }
}
