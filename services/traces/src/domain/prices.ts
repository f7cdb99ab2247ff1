/** What a model call costs. */
import { toCount } from './count.ts'
import { listPrices } from './price-list.ts'
import type { TraceSpan } from './types.ts'

/** US dollars per million tokens; tokens of a cache are free unless priced. */
export interface ModelPrice {
  input_per_million: number
  output_per_million: number
  cache_read_per_million?: number | undefined
  cache_create_per_million?: number | undefined
}

/** Prices by `provider/model` or model, in lower case. */
export type PriceTable = ReadonlyMap<string, ModelPrice>

/** The known list prices under those that configuration gives. */
export const createPriceTable = (overrides: Readonly<Record<string, ModelPrice>>): PriceTable =>
  new Map(Object.entries({ ...listPrices, ...overrides }).map(([name, price]) => [name.toLowerCase(), price]))

/** Tokens that a span read from and wrote to a prompt cache. */
export const cacheTokensOf = (span: { metadata?: Record<string, unknown> | null | undefined }) => ({
  read: toCount(span.metadata?.['cache_read_tokens']),
  created: toCount(span.metadata?.['cache_creation_tokens']),
})

/** To the eight decimals that are stored. */
export const roundCost = (usd: number): number => Math.round(usd * 1e8) / 1e8

type Priceable = Pick<TraceSpan, 'span_type' | 'provider' | 'model' | 'input_tokens' | 'output_tokens' | 'metadata'>

/**
 * What a span cost in US dollars; undefined when its model has no price, or nothing was used.
 * Formula: notes/platform.md section 11. An `agent` span sums up those under it, so it has no cost of its own.
 */
export const costOf = (prices: PriceTable, span: Priceable): number | undefined => {
  if (span.span_type === 'agent' || !span.model) return undefined
  const model = span.model.toLowerCase()
  const price = prices.get(`${span.provider?.toLowerCase() ?? ''}/${model}`) ?? prices.get(model)
  if (price === undefined) return undefined
  const cache = cacheTokensOf(span)
  const cost =
    (toCount(span.input_tokens) * price.input_per_million +
      toCount(span.output_tokens) * price.output_per_million +
      cache.read * (price.cache_read_per_million ?? 0) +
      cache.created * (price.cache_create_per_million ?? 0)) /
    1_000_000
  return roundCost(cost) > 0 ? roundCost(cost) : undefined
}
