/**
 * Runs as spans of OpenTelemetry, by its semantic conventions for generative AI as of 1.41.0. Names are pinned here: what
 * the conventions change next is a change of this file, and of the table that the tests hold it against.
 */
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
  type SpanContext,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { agentOfKey } from '@clawmesh/contracts'
import { cutPreview } from '../intake/preview.ts'
import type { TraceReport, TraceSpan } from '../intake/types.ts'

export const schemaUrl = 'https://opentelemetry.io/schemas/1.41.0'

/** Names of providers as the conventions have them, where ours differ. */
const providerNames: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  bedrock: 'aws.bedrock',
  gemini: 'gcp.gemini',
  google: 'gcp.gen_ai',
  mistral: 'mistral_ai',
  vertex: 'gcp.vertex_ai',
  xai: 'x_ai',
}
const providerName = (provider: string | undefined): string => providerNames[provider ?? ''] ?? (provider || '_OTHER')

type Value = string | number | boolean | string[] | undefined

/** Without what is not known. */
const present = (attributes: Record<string, Value>): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined && value !== ''))

const numberIn = (json: Record<string, unknown> | null | undefined, name: string): number | undefined => {
  const value = json?.[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
/** A count that says something: nothing was used is not told. */
const used = (json: Record<string, unknown> | null | undefined, name: string): number | undefined =>
  numberIn(json, name) || undefined

/** Characters of what was said that go along. */
const contentLimit = 8_000
const cut = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : cutPreview(text, contentLimit)

const message = (role: 'user' | 'assistant', content: string | undefined, finish?: string): string | undefined =>
  content === undefined
    ? undefined
    : JSON.stringify([
        {
          role,
          parts: [{ type: 'text', content: cut(content) }],
          ...(role === 'assistant' ? { finish_reason: finish ?? 'stop' } : {}),
        },
      ])

interface Kind {
  kind: SpanKind
  /** The first word of the span's name, and the operation. */
  operation: string
  /** What the name ends with. */
  of: (span: TraceSpan, report: TraceReport) => string | undefined
  attributes: (span: TraceSpan, report: TraceReport) => Record<string, Value>
  content: (span: TraceSpan, report: TraceReport) => Record<string, Value>
}

const agentName = ({ trace }: TraceReport): string | undefined => agentOfKey(trace.session_key ?? '')

const called = (span: TraceSpan): Record<string, Value> => ({
  'gen_ai.provider.name': providerName(span.provider),
  'gen_ai.request.model': span.model,
  'gen_ai.usage.input_tokens': span.input_tokens,
})

const kinds: Readonly<Record<TraceSpan['span_type'], Kind>> = {
  agent: {
    kind: SpanKind.INTERNAL,
    operation: 'invoke_agent',
    of: (_span, report) => agentName(report),
    attributes: (span, report) => ({
      'gen_ai.agent.id': span.agent_id,
      'gen_ai.agent.name': agentName(report),
      'gen_ai.conversation.id': report.trace.session_key,
    }),
    content: (_span, { trace }) => ({
      'gen_ai.input.messages': message('user', trace.input_preview),
      'gen_ai.output.messages': message('assistant', trace.output_preview),
    }),
  },
  llm_call: {
    kind: SpanKind.CLIENT,
    operation: 'chat',
    of: ({ model }) => model,
    attributes: (span, report) => ({
      ...called(span),
      'gen_ai.conversation.id': report.trace.session_key,
      'gen_ai.usage.output_tokens': span.output_tokens,
      'gen_ai.usage.cache_read.input_tokens': used(span.metadata, 'cache_read_tokens'),
      'gen_ai.usage.cache_creation.input_tokens': used(span.metadata, 'cache_creation_tokens'),
      'gen_ai.usage.reasoning.output_tokens': used(span.metadata, 'thinking_tokens'),
      'gen_ai.response.finish_reasons': span.finish_reason === undefined ? undefined : [span.finish_reason],
      'gen_ai.request.temperature': numberIn(span.model_params, 'temperature'),
      'gen_ai.request.top_p': numberIn(span.model_params, 'top_p'),
      'gen_ai.request.max_tokens': numberIn(span.model_params, 'max_tokens'),
    }),
    content: (span) => ({
      'gen_ai.input.messages': message('user', span.input_preview),
      'gen_ai.output.messages': message('assistant', span.output_preview, span.finish_reason),
    }),
  },
  tool_call: {
    kind: SpanKind.INTERNAL,
    operation: 'execute_tool',
    of: ({ tool_name: tool }) => tool,
    attributes: ({ tool_name: tool, tool_call_id: id }) => ({
      'gen_ai.tool.name': tool,
      'gen_ai.tool.call.id': id,
      'gen_ai.tool.type': 'function',
    }),
    content: (span) => ({
      'gen_ai.tool.call.arguments': cut(span.input_preview),
      'gen_ai.tool.call.result': cut(span.output_preview),
    }),
  },
  embedding: {
    kind: SpanKind.CLIENT,
    operation: 'embeddings',
    of: ({ model }) => model,
    attributes: called,
    content: () => ({}),
  },
  event: {
    kind: SpanKind.INTERNAL,
    operation: '',
    of: ({ name }) => name,
    attributes: () => ({}),
    content: () => ({}),
  },
}

const hexOf = (uuid: string): string => uuid.replaceAll('-', '')

/** The trace id of a run is its id, the span id the last eight bytes of a span's. */
const contextOf = (traceId: string, spanId: string): SpanContext => ({
  traceId: hexOf(traceId),
  spanId: hexOf(spanId).slice(-16),
  traceFlags: TraceFlags.SAMPLED,
})

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)]

export interface SpanOptions {
  serviceName: string
  serviceVersion: string
  /** Whether what was said goes along. */
  content: boolean
}

/** How runs become spans. Texts of reports are clean already: credentials are out of them. */
export const createSpanWriter = ({ serviceName, serviceVersion, content }: SpanOptions) => {
  const resource = resourceFromAttributes(
    { 'service.name': serviceName, 'service.version': serviceVersion },
    { schemaUrl },
  )
  const instrumentationScope = { name: 'clawmesh', version: serviceVersion, schemaUrl }

  const spanOf = (span: TraceSpan, report: TraceReport): ReadableSpan => {
    const { kind, operation, of, attributes, content: said } = kinds[span.span_type]
    const startMs = Date.parse(span.start_time)
    const endMs = span.end_time === undefined ? startMs : Date.parse(span.end_time)
    const failed = span.status === 'error'
    const name = [operation, of(span, report)].filter(Boolean).join(' ')
    return {
      name: name || span.span_type,
      kind,
      spanContext: () => contextOf(report.trace.id, span.id),
      ...(span.parent_span_id === undefined
        ? {}
        : { parentSpanContext: contextOf(report.trace.id, span.parent_span_id) }),
      startTime: hrTime(startMs),
      endTime: hrTime(endMs),
      duration: hrTime(endMs - startMs),
      ended: true,
      status: failed
        ? { code: SpanStatusCode.ERROR, ...(span.error === undefined ? {} : { message: span.error }) }
        : { code: SpanStatusCode.UNSET },
      attributes: present({
        'gen_ai.operation.name': operation,
        ...attributes(span, report),
        ...(content ? said(span, report) : {}),
        'error.type': failed ? '_OTHER' : undefined,
        'user.id': report.trace.user_id,
        'clawmesh.tenant.id': report.tenantId,
      }),
      links: [],
      events: [],
      resource,
      instrumentationScope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }
  }

  /** Spans of a trace that have ended: at most so many, and how many there would be more. */
  return (report: TraceReport, most: number): { spans: ReadableSpan[]; dropped: number } => {
    const ended = report.spans.filter(({ status }) => status !== 'running')
    const spans = ended.slice(0, most).map((span) => spanOf(span, report))
    return { spans, dropped: ended.length - spans.length }
  }
}
