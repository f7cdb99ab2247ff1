/** Whose price of a model counts. */
import { catalogueByName, knownModel, listedNames, type ModelPrice } from '@clawmesh/contracts'
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
    [...catalogueByName].flatMap(([name, { price }]) => (price === null ? [] : [[name, price] as const])),
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

/** As it may be listed, at last by the name of the model itself: a router calls it by another. */
const namesOf = (provider: string, model: string): string[] => {
  const known = knownModel(provider, model)
  return [...listedNames(provider, model), ...(known === undefined ? [] : [known.name])]
}

/** The price that counts and where it is from; undefined for a model of which no list tells. */
export const findPrice = (table: PriceTable, provider: string, model: string): FoundPrice | undefined => {
  const names = namesOf(provider, model)
  for (const { origin, prices } of table)
    for (const listedAs of names) {
      const price = prices.get(listedAs)
      if (price !== undefined) return { price, origin, listedAs }
    }
  return undefined
}

export const priceOf = (table: PriceTable, provider: string, model: string): ModelPrice | undefined =>
  findPrice(table, provider, model)?.price
