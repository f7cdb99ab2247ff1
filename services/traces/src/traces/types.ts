/** Traces and spans as they are read: what the contract shows of them. */
import type { http } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.traces.operations
type Detail = ResponseShape<Operations['getTrace']['response'][200]>

export type Trace = Detail['trace']
export type Span = Detail['spans'][number]

/** What may be asked for, with its page. */
export type TraceQuery = QueryShape<Operations['listTraces']>
