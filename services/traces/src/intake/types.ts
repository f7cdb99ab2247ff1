/**
 * What the intake speaks of: the shapes of the contract itself, under its names. An event and a row need no translation.
 */
import type { http } from '@clawmesh/contracts'
import type { z } from 'zod'

type Detail = z.output<(typeof http.traces.operations.getTrace.response)[200]>
type Trace = Detail['trace']
type Span = Detail['spans'][number]
/** A span without what it shares with its trace. */
export type TraceSpan = Omit<Span, 'tenant_id' | 'trace_id' | 'created_at'> & {
  /** Where its long texts are, when they are kept apart. */
  bodies_key?: string | undefined
}

/** What is worked out from the spans of a trace. */
export type Totals = Pick<
  Trace,
  'total_input_tokens' | 'total_output_tokens' | 'total_cost' | 'span_count' | 'llm_call_count' | 'tool_call_count'
> & { metadata: { total_cache_read_tokens?: number; total_cache_creation_tokens?: number } }

/** A trace as an event reports it, cleaned and priced, not yet counted. */
export interface TraceReport {
  tenantId: string
  /** When it was reported: ISO 8601 in UTC with milliseconds, so that texts compare like times. */
  recordedAt: string
  trace: Omit<Trace, keyof Omit<Totals, 'metadata'>>
  spans: readonly TraceSpan[]
}

/** What finds a trace and its partition. */
export interface TraceKey {
  tenant_id: string
  id: string
  /** ISO 8601 */
  created_at: string
}
