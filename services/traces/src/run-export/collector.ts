/**
 * Where runs are sent. Put together from the parts of OpenTelemetry's own exporter, which beside what it is told sends the
 * headers and the client certificate that the environment has for the collector of this process's own traces.
 */
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { createOtlpHttpExportDelegate, httpAgentFactoryFromOptions } from '@opentelemetry/otlp-exporter-base/node-http'
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** Requests under way; one processor sends one at a time. */
const concurrencyLimit = 30

/** @param timeoutMillis for a batch with all its attempts */
export const createCollector = (url: string, headers: Readonly<Record<string, string>>, timeoutMillis: number) =>
  new OTLPExporterBase<ReadableSpan[]>(
    createOtlpHttpExportDelegate(
      {
        url,
        headers: async () => ({ ...headers, 'content-type': 'application/x-protobuf' }),
        compression: 'gzip',
        timeoutMillis,
        concurrencyLimit,
        agentFactory: httpAgentFactoryFromOptions({ keepAlive: true }),
        userAgent: undefined,
      },
      ProtobufTraceSerializer,
      'otlp_http_span_exporter',
      TraceExporterMetricsHelper,
      undefined,
    ),
  )
