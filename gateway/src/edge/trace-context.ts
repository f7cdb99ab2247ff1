/** W3C Trace Context, level 2: what a client says of the trace it is part of is passed on only when it is well formed. */
import type { IncomingHttpHeaders } from 'node:http'

const traceParent = /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/
const maxTraceParent = 256
const maxTraceState = 512
/** Printable ASCII. */
const traceState = /^[\x20-\x7e]*$/

/** Whether a `traceparent` header is one that its readers agree on. Only versions after 00 may have more parts. */
export const isTraceParent = (value: string): boolean => {
  const [, version, more] = value.length <= maxTraceParent ? (traceParent.exec(value) ?? []) : []
  return version !== undefined && (version !== '00' || more === undefined)
}

/** Removes a trace context that is malformed; a span of ours then begins a trace of its own. */
export const dropBadTraceContext = (headers: IncomingHttpHeaders): void => {
  const { traceparent, tracestate } = headers
  if (traceparent === undefined && tracestate === undefined) return
  const known = typeof traceparent === 'string' && isTraceParent(traceparent)
  if (!known) delete headers['traceparent']
  if (!known || typeof tracestate !== 'string' || tracestate.length > maxTraceState || !traceState.test(tracestate))
    delete headers['tracestate']
}
