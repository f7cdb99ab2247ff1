import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

export const otlp = defineHttpTable('traces', {
  exportOtlpTraces: {
    method: 'POST',
    path: '/v1/otlp/v1/traces',
    role: 'operator',
    summary: 'Take in spans of other programs, as OpenTelemetry exporters send them (OTLP over HTTP)',
    description:
      'An exporter whose endpoint is `<edge>/v1/otlp` finds this path by itself. Its API key goes into the header `Authorization`.',
    rules: {
      takesBothEncodings:
        'The body is an ExportTraceServiceRequest of OTLP 1.x, in protobuf (`application/x-protobuf`) or JSON (`application/json`), plain or gzipped; the answer comes in the encoding of the request',
      becomesATrace:
        'An OTLP trace becomes one trace of the tenant of the key, whose id is the trace id written as a UUID, with the tag `otlp`; the id of a span ends with its span id',
      readsGenAiSpans:
        'Spans with the GenAI conventions become model calls, tool calls, embeddings and agents with their model, provider, tokens and cost, under current names and those before them; any other span is an event',
      keepsContent: 'Messages, arguments and results become previews where a program sends them, without credentials',
      joinsBatches:
        'Spans of a trace may come in any number of requests, in any order: the root names it, says how it ended and whose it was, whenever it comes',
      yieldsToRuns:
        'A run has its trace for itself: spans of other programs that came under its id while it was under way are gone when it has ended',
      countsOnce: 'What comes again changes nothing: each span counts once, in usage and costs too',
      namesTheUser:
        'A trace belongs to the `user.id` or `enduser.id` of its spans or their resource, else to the caller; to the caller alone where the credential is bound to a user',
      refusesSpansPartially:
        'Spans that cannot be stored (ids that are none or only zeros, times out of reason or older than traces are kept, what is in a trace of an own run or of another user) are left out, the others stored, and the answer tells how many and why in `partialSuccess`',
      refusesWhatIsNoRequest:
        'A body that cannot be read, another content type or content encoding, more than 10,000 spans, more than 20,000 values in one or more than 16 MiB unpacked are refused and nothing is stored',
      pushesBack:
        'Where too much comes at once, of one tenant or of all, it is answered 429 with `Retry-After`, and nothing of it is stored',
    },
    rawBody: ['application/x-protobuf', 'application/json'],
    bodyLimitBytes: 4_194_304,
    response: {
      200: z.object({
        partialSuccess: z
          .object({
            /** A 64-bit number is a text in OTLP's JSON. */
            rejectedSpans: z.string(),
            errorMessage: z.string(),
          })
          .optional(),
      }),
    },
    produces: 'application/x-protobuf',
    producesExample: 'an ExportTraceServiceResponse',
    errors: [400, 429],
  },
})
