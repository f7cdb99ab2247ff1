/** What a model call costs. */
import type { ModelPrice } from '@clawmesh/contracts'
import { priceOf, type PriceTable } from '../model-pricing/price-table.ts'
import { toCount } from './count.ts'
import type { TraceSpan } from './types.ts'

/** Tokens that a span read from and wrote to a prompt cache. */
export const cacheTokensOf = (span: { metadata?: Record<string, unknown> | null | undefined }) => ({
  read: toCount(span.metadata?.['cache_read_tokens']),
  created: toCount(span.metadata?.['cache_creation_tokens']),
})

/** To the eight decimals that are stored. */
export const roundCost = (usd: number): number => Math.round(usd * 1e8) / 1e8

type Priceable = Pick<TraceSpan, 'span_type' | 'provider' | 'model' | 'input_tokens' | 'output_tokens' | 'metadata'>

/**
 * US dollars for tokens. Those read from and written to a cache are parts of the input: cost = uncached x input + read x
 * cache_read + created x cache_create + output x output, whoever the provider is.
 */
export const costAt = (
  price: ModelPrice,
  { input, output, ...cache }: { input: number; output: number; cacheRead: number; cacheCreated: number },
): number => {
  const read = Math.min(cache.cacheRead, input)
  const created = Math.min(cache.cacheCreated, input - read)
  const cost =
    (input - read - created) * price.input_per_million +
    read * (price.cache_read_per_million ?? price.input_per_million) +
    created * (price.cache_create_per_million ?? price.input_per_million) +
    output * price.output_per_million
  return roundCost(cost / 1_000_000)
}

/**
 * What a span cost in US dollars; undefined when its model has no price, or nothing was used. An `agent` span sums up
 * those under it, so it has no cost of its own.
 */
export const costOf = (prices: PriceTable, span: Priceable): number | undefined => {
  if (span.span_type === 'agent' || !span.model) return undefined
  const price = priceOf(prices, span.provider ?? '', span.model)
  if (price === undefined) return undefined
  const { read, created } = cacheTokensOf(span)
  const tokens = { input: toCount(span.input_tokens), output: toCount(span.output_tokens) }
  const cost = costAt(price, { ...tokens, cacheRead: read, cacheCreated: created })
  return cost > 0 ? cost : undefined
}
