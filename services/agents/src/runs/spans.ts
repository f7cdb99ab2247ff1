/** The trace of a run, gathered in memory and told with its end. */
import type {
  ChatDone,
  PoolEvidence,
  ReasoningDecision,
  Route,
  Usage,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { cutText, cutTextStart, derivedId, newId } from '@clawmesh/chassis'
import type { Spender } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { EventData } from '@clawmesh/contracts'
import { storable } from './storable.ts'
import { chatTrace } from './trace-names.ts'

type Recorded = Pick<EventData<'runEnded'>, 'trace' | 'spans'>
type Span = Recorded['spans'][number]

/** Characters of a preview: as many as traces keep, fewer in a run with so many spans that the event would be too big. */
const previewSteps = [40_000, 8_000, 1_500, 200]
/** NATS refuses messages over 1 MB unless told otherwise. */
const eventBytes = 700_000

/** Keeps two thirds from the beginning and one third from the end. */
const cut = (text: string, limit: number): string => {
  if (text.length <= limit) return storable(text)
  const head = Math.floor((limit * 2) / 3)
  const left = text.length - limit
  return storable(`${cutText(text, head)}[... ${left} characters left out ...]${cutTextStart(text, limit - head)}`)
}

const cutPreviews = <T extends { input_preview?: string | undefined; output_preview?: string | undefined }>(
  row: T,
  limit: number,
): T => ({
  ...row,
  ...(row.input_preview === undefined ? {} : { input_preview: cut(row.input_preview, limit) }),
  ...(row.output_preview === undefined ? {} : { output_preview: cut(row.output_preview, limit) }),
})

/** The event with its previews as long as fit. */
const fitted = ({ trace, spans }: Recorded): Recorded => {
  const sized = (limit: number): Recorded => ({
    trace: cutPreviews(trace, limit),
    spans: spans.map((span) => cutPreviews(span, limit)),
  })
  const size = (event: Recorded) => Buffer.byteLength(JSON.stringify(event))
  const roughly = [trace, ...spans].reduce(
    (sum, row) => sum + (row.input_preview?.length ?? 0) + (row.output_preview?.length ?? 0),
    0,
  )
  // Three bytes a character and a kilobyte a span at most: then it need not be measured.
  if (roughly * 3 + spans.length * 1_024 < eventBytes) return sized(previewSteps[0]!)
  return (
    previewSteps.map(sized).find((event) => size(event) < eventBytes) ?? {
      trace: cutPreviews(trace, 200),
      spans: spans.slice(0, 1),
    }
  )
}

interface OpenSpan {
  /** Ends the span; `error` marks it as failed. */
  end: (result: Partial<Span>) => void
}

/** A model call that a tool has made. */
export interface InnerCall {
  provider: string
  model: string
  usage?: Usage | undefined
}

interface OpenToolSpan extends OpenSpan {
  /** Tells of a model call under it, whose time is that of the tool so far. */
  modelCall: (call: InnerCall) => void
}

export interface RunTrace {
  /** For whom a model call of an iteration is made. */
  spender: (iteration: number) => Spender
  llmCall: (iteration: number, inputPreview: string) => OpenSpan
  toolCall: (name: string, callId: string, argumentsJson: string) => OpenToolSpan
  finish: (result: { status: Recorded['trace']['status']; output: string; error?: string | undefined }) => Recorded
}

interface TraceStart {
  runId: string
  agentId: string
  agentKey: string
  userId: string
  /** The API key that asked for the run, where one did. */
  apiKeyId?: string | undefined
  sessionKey: string
  channel: string
  input: string
  /** What the client notes about its request. */
  metadata?: Readonly<Record<string, string>> | undefined
  /** What its costs are attributed to, written `name:value`. */
  tags?: readonly string[] | undefined
  /** What the trace is called, where it is none of a chat. */
  name?: string
  /** Whether it is of work beside the conversations, and counts as no run. */
  isBackground?: boolean
}

/** What is noted of a call that was not answered by the first that was asked. */
const routeNote = ({ attempts, continuedAfter }: Route) => ({
  route: {
    attempts: attempts.map(({ provider, model, key, outcome, reason }) => ({
      provider,
      model,
      outcome,
      ...(key === 0 ? {} : { key }),
      ...(reason === '' ? {} : { reason }),
    })),
    ...(continuedAfter.length === 0 ? {} : { continued_after: continuedAfter }),
  },
})

/** What is noted of the accounts of a pool that were asked. */
export const poolNote = (evidence: PoolEvidence) => ({
  chatgpt_oauth_routing: {
    pool_owner_provider: evidence.poolOwnerProvider,
    strategy: evidence.strategy,
    pool_providers: evidence.poolProviders,
    selected_provider: evidence.selectedProvider,
    ...(evidence.servingProvider === '' ? {} : { serving_provider: evidence.servingProvider }),
    attempted_providers: evidence.attemptedProviders,
    failover_providers: evidence.attemptedProviders.slice(1),
    attempt_count: evidence.attemptedProviders.length,
  },
})

/** What is noted of how hard a model was told to think. */
const reasoningNote = (decision: ReasoningDecision) => ({
  reasoning: {
    source: decision.source,
    requested_effort: decision.requestedEffort,
    effective_effort: decision.effectiveEffort,
    fallback: decision.fallback,
    reason: decision.reason,
    known_model: decision.knownModel,
    supported_levels: decision.supportedLevels,
    used_provider_default: decision.usedProviderDefault,
  },
})

const usageNote = ({ cacheReadTokens, cacheCreationTokens, thinkingTokens }: Usage) => ({
  cache_read_tokens: cacheReadTokens,
  cache_creation_tokens: cacheCreationTokens,
  thinking_tokens: thinkingTokens,
})

/** Fields of an llm_call span that an answer fills. */
export const callFields = (
  { usage, route, reasoning }: Pick<ChatDone, 'usage' | 'route' | 'reasoning'>,
  pooled?: PoolEvidence,
) => {
  const metadata = {
    ...(usage === undefined ? {} : usageNote(usage)),
    ...(route === undefined ? {} : routeNote(route)),
    ...(reasoning === undefined ? {} : reasoningNote(reasoning)),
    ...(pooled === undefined ? {} : poolNote(pooled)),
  }
  return {
    ...(usage === undefined ? {} : { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}

/** Starts the trace of a run. The trace has the run's id. */
export const startTrace = (start: TraceStart, startedAt = new Date()): RunTrace => {
  // The same however often its end is recorded, so that a run declared lost keeps one root.
  const rootId = derivedId(start.runId, 'root span')
  const spans: Span[] = []
  const tags = [...(start.tags ?? [])]

  const open = (fields: Omit<Span, 'id' | 'start_time' | 'status'>): OpenToolSpan => {
    const id = newId()
    const began = new Date()
    const times = () => {
      const ended = new Date()
      return {
        start_time: began.toISOString(),
        end_time: ended.toISOString(),
        duration_ms: ended.getTime() - began.getTime(),
      }
    }
    const common = { agent_id: start.agentId }
    return {
      modelCall: ({ provider, model, usage }) => {
        const fields = callFields({ usage, route: undefined, reasoning: undefined })
        spans.push({
          ...{ id: newId(), parent_span_id: id, ...common, ...times(), status: 'completed', span_type: 'llm_call' },
          ...{ name: `${provider}/${model}`, provider, model, ...fields },
        })
      },
      end: (result) => {
        const status = result.error === undefined ? 'completed' : 'error'
        spans.push({ id, parent_span_id: rootId, ...common, ...times(), status, ...fields, ...result })
      },
    }
  }

  return {
    spender: (iteration) => ({
      agentId: start.agentId,
      userId: start.userId,
      beginsRun: start.isBackground !== true && iteration === 1,
    }),
    llmCall: (iteration, inputPreview) =>
      open({ span_type: 'llm_call', name: `#${iteration}`, input_preview: inputPreview }),
    toolCall: (name, callId, argumentsJson) =>
      open({
        span_type: 'tool_call',
        name,
        tool_name: name,
        tool_call_id: cutText(callId, 100),
        input_preview: argumentsJson,
      }),
    finish: ({ status, output, error }) => {
      const ended = new Date()
      const times = {
        start_time: startedAt.toISOString(),
        end_time: ended.toISOString(),
        duration_ms: ended.getTime() - startedAt.getTime(),
      }
      const failure = error === undefined ? {} : { error: cutText(error, 2_000) }
      const name = start.name ?? chatTrace(start.agentKey).name
      const root: Span = {
        id: rootId,
        agent_id: start.agentId,
        span_type: 'agent',
        name,
        status: status === 'completed' ? 'completed' : 'error',
        ...(tags.length === 0 ? {} : { metadata: { tags } }),
        ...times,
        ...failure,
      }
      return fitted({
        trace: {
          id: start.runId,
          run_id: start.runId,
          agent_id: start.agentId,
          ...(start.userId === '' ? {} : { user_id: start.userId }),
          ...(start.apiKeyId === undefined ? {} : { api_key_id: start.apiKeyId }),
          session_key: start.sessionKey,
          channel: start.channel,
          name,
          status,
          input_preview: start.input,
          output_preview: output,
          ...(start.metadata === undefined ? {} : { metadata: start.metadata }),
          ...(tags.length === 0 ? {} : { tags }),
          created_at: startedAt.toISOString(),
          ...times,
          ...failure,
        },
        spans: [root, ...spans],
      })
    },
  }
}
