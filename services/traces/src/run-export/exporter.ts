/**
 * Sends runs to an OpenTelemetry collector, after they are stored and on nobody's time: from a queue that is bounded, in
 * batches, again where it is worth it. What is still in the queue of a process that dies is not sent; its run is stored.
 */
import { metricsRegistry, trimEndOf, type Logger, type Part } from '@clawmesh/chassis'
import type { BatchSpanProcessor, ReadableSpan } from '@opentelemetry/sdk-trace'
import { Counter } from 'prom-client'
import type { TraceReport } from '../intake/types.ts'
import type { createSpanWriter, SpanOptions } from './spans.ts'

/** Spans that wait, those under way included; with their content some 16 kB each at most. */
const queueSize = 2_048
const batchSize = 256
const delayMs = 1_000
/** For a batch with all its attempts: pauses grow from one second to five. */
const batchTimeoutMs = 30_000
/** How long what is left may take at the end. */
const stopTimeoutMs = 5_000

const exported = new Counter({
  name: 'clawmesh_run_export_spans_total',
  help: 'Spans of runs for the OpenTelemetry collector: sent, failed after all attempts, or dropped because the queue was full',
  labelNames: ['outcome'] as const,
  registers: [metricsRegistry],
})

export interface RunExporterOptions extends SpanOptions {
  /** The URL before `/v1/traces`. */
  endpoint: string
  headers: Readonly<Record<string, string>>
  log: Logger
}

export interface RunExporter {
  /** Takes what there is room for. Returns at once, and never throws. */
  offer: (reports: readonly TraceReport[]) => void
  part: Part
}

export const createRunExporter = ({ endpoint, headers, log, ...options }: RunExporterOptions): RunExporter => {
  let running: { processor: BatchSpanProcessor; write: ReturnType<typeof createSpanWriter> } | undefined
  /** Spans that are offered and not done with. */
  let waiting = 0
  let isFailing = false

  const settle = (spans: number, error: Error | undefined): void => {
    const sent = error === undefined
    waiting -= spans
    exported.inc({ outcome: sent ? 'sent' : 'failed' }, spans)
    // Once for each time that it begins to fail: a collector may be away for long.
    if (!sent && !isFailing) log.warn({ err: error }, 'runs cannot be sent to the OpenTelemetry collector')
    isFailing = !sent
  }

  const start = async (): Promise<void> => {
    // Loaded where it is wanted only.
    const [{ BatchSpanProcessor }, { createCollector }, spans] = await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('./collector.ts'),
      import('./spans.ts'),
    ])
    const otlp = createCollector(`${trimEndOf(endpoint, '/')}/v1/traces`, headers, batchTimeoutMs)
    const processor = new BatchSpanProcessor({
      exporter: {
        export: (spans: ReadableSpan[], done) =>
          otlp.export(spans, (result) => {
            settle(spans.length, result.error)
            done(result)
          }),
        shutdown: () => otlp.shutdown(),
        forceFlush: () => otlp.forceFlush(),
      },
      maxQueueSize: queueSize,
      maxExportBatchSize: batchSize,
      scheduledDelayMillis: delayMs,
      exportTimeoutMillis: batchTimeoutMs + stopTimeoutMs,
    })
    running = { processor, write: spans.createSpanWriter(options) }
  }

  const stop = async (): Promise<void> => {
    const left = running?.processor
    running = undefined
    const timer = Promise.withResolvers<void>()
    const timeout = setTimeout(timer.resolve, stopTimeoutMs)
    await Promise.race([left?.shutdown().catch(() => undefined), timer.promise])
    clearTimeout(timeout)
  }

  return {
    offer: (reports) => {
      if (running === undefined) return
      for (const report of reports) {
        const { spans, dropped } = running.write(report, queueSize - waiting)
        exported.inc({ outcome: 'dropped' }, dropped)
        waiting += spans.length
        for (const span of spans) running.processor.onEnd(span)
      }
    },
    part: { name: 'run export', start, stop },
  }
}
