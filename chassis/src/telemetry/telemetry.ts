/**
 * OpenTelemetry, in this one file. Off unless a collector is configured; then `traced` is a plain call, and the SDK is
 * not even loaded. W3C Trace Context travels in HTTP headers, gRPC metadata and events.
 */
import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api'
import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node'

export type { Span }

export interface TelemetryOptions {
  /** OTLP over HTTP, such as http://collector:4318. */
  endpoint: string
  serviceName: string
  /** Instead of sending spans to the endpoint; for tests. */
  spanProcessors?: NodeSDKConfiguration['spanProcessors']
}

export interface Telemetry {
  /** Sends what is still there. */
  stop: () => Promise<void>
}

type Carrier = Record<string, string | string[] | undefined>

export interface TracedWork {
  /** Low-cardinality, such as `POST /v1/agents`. */
  name: string
  kind: 'server' | 'client' | 'internal' | 'consumer'
  attributes?: Attributes
  /** Headers that may hold the parent's context; without them the active span is the parent. */
  carrier?: Carrier
}

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
  consumer: SpanKind.CONSUMER,
} as const

let enabled = false

/** Loads the SDK and starts exporting. */
export const startTelemetry = async ({
  endpoint,
  serviceName,
  spanProcessors,
}: TelemetryOptions): Promise<Telemetry> => {
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = endpoint
  const node = new NodeSDK({
    serviceName,
    instrumentations: [],
    ...(spanProcessors === undefined ? {} : { spanProcessors }),
  })
  node.start()
  enabled = true
  return {
    stop: async () => {
      enabled = false
      await node.shutdown()
    },
  }
}

const begin = ({ name, kind, attributes = {}, carrier }: TracedWork) => {
  const parent = carrier === undefined ? context.active() : propagation.extract(context.active(), carrier)
  const span = trace.getTracer('clawmesh').startSpan(name, { kind: kinds[kind], attributes }, parent)
  return { span, within: trace.setSpan(parent, span) }
}

const fail = (span: Span, thrown: unknown): void => {
  span.setStatus({ code: SpanStatusCode.ERROR })
  if (thrown instanceof Error) span.setAttribute('error.type', 'code' in thrown ? String(thrown.code) : thrown.name)
}

/** Runs work inside a span of its own; without telemetry just runs it. */
export const traced = async <T>(work: TracedWork, run: (span: Span | undefined) => Promise<T>): Promise<T> => {
  if (!enabled) return run(undefined)
  const { span, within } = begin(work)
  try {
    return await context.with(within, () => run(span))
  } catch (thrown) {
    fail(span, thrown)
    throw thrown
  } finally {
    span.end()
  }
}

/** The same for work that gives values one by one; the span ends with the last one, or when its reader leaves. */
export const tracedStream = <T>(
  work: TracedWork,
  run: (span: Span | undefined) => AsyncIterable<T>,
): AsyncIterable<T> => {
  if (!enabled) return run(undefined)
  return (async function* () {
    const { span, within } = begin(work)
    const values = context.with(within, () => run(span))[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await context.with(within, () => values.next())
        if (next.done === true) return
        yield next.value
      }
    } catch (thrown) {
      fail(span, thrown)
      throw thrown
    } finally {
      await values.return?.()
      span.end()
    }
  })()
}

/** Headers that carry the active span onward; none without telemetry. */
export const traceHeaders = (): Record<string, string> => {
  if (!enabled) return {}
  const headers: Record<string, string> = {}
  propagation.inject(context.active(), headers)
  return headers
}
