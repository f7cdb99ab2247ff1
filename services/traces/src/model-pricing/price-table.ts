/** Whose price of a model counts. */
import { listedNames, modelCatalogue, type ModelPrice } from '@clawmesh/contracts'
import type { PriceOrigin } from './types.ts'

/** Prices by `provider/model` or model, in lower case, and whose they are. */
interface PriceList {
  origin: PriceOrigin
  prices: ReadonlyMap<string, ModelPrice>
}

/** The first list that has a model counts, whatever the later ones say of it. */
export type PriceTable = readonly PriceList[]

const catalogue: PriceList = {
  origin: 'catalogue',
  prices: new Map(
    modelCatalogue.flatMap(({ name, aliases, price }) =>
      price === null ? [] : [name, ...aliases].map((each) => [each, price] as const),
    ),
  ),
}

/** The prices of the configuration, then those of the catalogue. */
export const createPriceTable = (configured: Readonly<Record<string, ModelPrice>>): PriceTable => {
  const prices = new Map(Object.entries(configured).map(([name, price]) => [name.toLowerCase(), price]))
  return [{ origin: 'configuration', prices }, catalogue]
}

interface FoundPrice {
  price: ModelPrice
  origin: PriceOrigin
  listedAs: string
}

/** The price that counts and where it is from; undefined for a model of which no list tells. */
export const findPrice = (table: PriceTable, provider: string, model: string): FoundPrice | undefined => {
  const names = listedNames(provider, model)
  for (const { origin, prices } of table)
    for (const listedAs of names) {
      const price = prices.get(listedAs)
      if (price !== undefined) return { price, origin, listedAs }
    }
  return undefined
}

export const priceOf = (table: PriceTable, provider: string, model: string): ModelPrice | undefined =>
  findPrice(table, provider, model)?.price
