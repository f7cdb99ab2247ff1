/** What the model calls under caps may cost, and what they have cost: by the prices of the traces. */
import type { ModelPrice } from '@clawmesh/contracts'
import { costAt } from '../intake/prices.ts'
import { priceOf, type PriceTable } from '../model-pricing/price-table.ts'
import type { Tokens } from './types.ts'

interface Model {
  provider: string
  model: string
}

export interface CallPrices {
  isKnown: (asked: Model) => boolean
  /** US dollars, at the first price that is known of these models, else at the assumed one. */
  cost: (models: readonly Model[], tokens: Tokens) => number
}

export const createCallPrices = (prices: PriceTable, assumed: ModelPrice): CallPrices => {
  const known = ({ provider, model }: Model) => priceOf(prices, provider, model)
  return {
    isKnown: (asked) => known(asked) !== undefined,
    cost: (models, tokens) => {
      const price = models.map(known).find((found) => found !== undefined) ?? assumed
      return costAt(price, tokens)
    },
  }
}
