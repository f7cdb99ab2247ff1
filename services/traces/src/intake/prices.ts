/** What a model call costs. */
import type { ModelPrice } from './config.ts'
import { toCount } from './count.ts'
import { listPrices } from './price-list.ts'
import type { TraceSpan } from './types.ts'

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

/** The day of a model's release at the end of its name. */
const dated = /-(?:\d{4}-\d{2}-\d{2}|\d{8})$/

/**
 * The price of a provider's model, else of the model whoever serves it; a dated name costs what the model does, unless it has
 * a price of its own.
 */
export const priceOf = (prices: PriceTable, provider: string, model: string): ModelPrice | undefined => {
  const asked = model.toLowerCase()
  const undated = asked.replace(dated, '')
  for (const name of new Set([asked, undated])) {
    const price = prices.get(`${provider.toLowerCase()}/${name}`) ?? prices.get(name)
    if (price !== undefined) return price
  }
  return undefined
}

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
