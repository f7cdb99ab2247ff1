import { toCount } from './count.ts'
import { cacheTokensOf, roundCost } from './prices.ts'
import type { Totals, TraceSpan } from './types.ts'

/** What of a span is counted. */
export type CountableSpan = Pick<TraceSpan, 'span_type'> & {
  [K in 'input_tokens' | 'output_tokens' | 'total_cost' | 'metadata']?: TraceSpan[K] | null
}

/**
 * The totals of a trace. Tokens are those of its model calls only, since an `agent` span repeats them; cost is that of
 * every span that has one, since a tool may call a model of its own.
 */
export const totalsOf = (spans: readonly CountableSpan[]): Totals => {
  const calls = spans.filter(({ span_type }) => span_type === 'llm_call')
  const sum = (numbers: readonly number[]) => toCount(numbers.reduce((total, number) => total + number, 0))
  const cache = calls.map(cacheTokensOf)
  const cacheRead = sum(cache.map(({ read }) => read))
  const cacheCreated = sum(cache.map(({ created }) => created))
  return {
    total_input_tokens: sum(calls.map((span) => span.input_tokens ?? 0)),
    total_output_tokens: sum(calls.map((span) => span.output_tokens ?? 0)),
    total_cost: roundCost(spans.reduce((total, span) => total + (span.total_cost ?? 0), 0)),
    span_count: spans.length,
    llm_call_count: calls.length,
    tool_call_count: spans.filter(({ span_type }) => span_type === 'tool_call').length,
    metadata: {
      ...(cacheRead === 0 ? {} : { total_cache_read_tokens: cacheRead }),
      ...(cacheCreated === 0 ? {} : { total_cache_creation_tokens: cacheCreated }),
    },
  }
}
