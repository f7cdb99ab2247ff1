/** What models cost a tenant: by its own prices, those of the configuration, and those of the catalogue. */
import { knownModel, MeshError, modelCatalogue, type Caller, type ModelPrice } from '@clawmesh/contracts'
import { actorOf, type Actor, type Cache, type Call } from '@clawmesh/chassis'
import { findPrice, type PriceTable } from './price-table.ts'
import type { ModelPricing, NewPrice, OwnPrice, PricingQuery } from './types.ts'

/** The prices of one tenant. */
export interface PriceRows {
  all: () => Promise<OwnPrice[]>
  /** @throws ALREADY_EXISTS when the tenant has as many others as it may */
  put: (name: string, price: NewPrice, most: number, actor: Actor) => Promise<void>
  /** False when there is none. */
  remove: (name: string, actor: Actor) => Promise<boolean>
}

interface Parts {
  rowsOf: (tenantId: string) => PriceRows
  /** Of every tenant: the configuration's prices, then the catalogue's. */
  shared: PriceTable
  /** Evicted when a tenant changes a price. */
  cache: Cache<PriceTable>
}

/** All of a tenant's are read at once, so there are so many at most. */
export const mostPrices = 1_000

const toPrice = (price: OwnPrice): ModelPrice => ({
  input_per_million: price.inputPerMillion,
  output_per_million: price.outputPerMillion,
  cache_read_per_million: price.cacheReadPerMillion,
  cache_create_per_million: price.cacheCreatePerMillion,
})

/** A name as a call has it: what stands before the first slash may be the provider. */
const asCalled = (name: string): [provider: string, model: string] => {
  const slash = name.indexOf('/')
  return slash === -1 ? ['', name] : [name.slice(0, slash), name.slice(slash + 1)]
}

const unknown = { input_per_million: null, output_per_million: null } as const

const pricingOf = (name: string, table: PriceTable, own: ReadonlyMap<string, Date>): ModelPricing => {
  const found = findPrice(table, ...asCalled(name))
  const price = found?.price ?? unknown
  const known = knownModel(...asCalled(name))
  return {
    name,
    inputPerMillion: price.input_per_million,
    outputPerMillion: price.output_per_million,
    cacheReadPerMillion: found?.price.cache_read_per_million ?? price.input_per_million,
    cacheCreatePerMillion: found?.price.cache_create_per_million ?? price.input_per_million,
    origin: found?.origin ?? null,
    listedAs: found?.listedAs ?? null,
    contextWindow: known?.contextWindow ?? null,
    maxOutputTokens: known?.maxOutputTokens ?? null,
    abilities: [...(known?.abilities ?? [])],
    source: known?.source ?? null,
    asOf: known?.asOf ?? null,
    updatedAt: found?.origin === 'tenant' ? own.get(found.listedAs) : undefined,
  }
}

export const createModelPricing = ({ rowsOf, shared, cache }: Parts) => {
  const tableOf = (own: readonly OwnPrice[]): PriceTable =>
    own.length === 0
      ? shared
      : [{ origin: 'tenant', prices: new Map(own.map((price) => [price.name, toPrice(price)])) }, ...shared]

  const read = async (tenantId: string) => {
    const own = await rowsOf(tenantId).all()
    return { table: tableOf(own), own: new Map(own.map(({ name, updatedAt }) => [name, updatedAt])) }
  }

  /** @param name in lower case */
  const get = async ({ tenantId }: Pick<Caller, 'tenantId'>, name: string): Promise<ModelPricing> => {
    const { table, own } = await read(tenantId)
    return pricingOf(name, table, own)
  }

  return {
    get,

    /** The prices by which the costs of a tenant are counted, behind a cache. */
    pricesOf: async (tenantId: string): Promise<PriceTable> =>
      (await cache.get(tenantId, 'all', async () => tableOf(await rowsOf(tenantId).all()))) ?? shared,

    list: async ({ tenantId }: Caller, { search, limit, offset }: PricingQuery) => {
      const { table, own } = await read(tenantId)
      const wanted = search?.toLowerCase() ?? ''
      const listed = [
        ...modelCatalogue.map(({ name }) => name),
        ...table.flatMap(({ origin, prices }) => (origin === 'catalogue' ? [] : [...prices.keys()])),
      ]
      const names = [...new Set(listed)].filter((name) => name.includes(wanted)).toSorted()
      const prices = names.slice(offset, offset + limit).map((name) => pricingOf(name, table, own))
      return { prices, total: names.length, limit, offset }
    },

    /** @param name in lower case @throws ALREADY_EXISTS when the tenant has as many as it may */
    set: async (call: Call, name: string, price: NewPrice): Promise<ModelPricing> => {
      await rowsOf(call.caller.tenantId).put(name, price, mostPrices, actorOf(call))
      return get(call.caller, name)
    },

    /** @throws NOT_FOUND */
    remove: async (call: Call, name: string): Promise<void> => {
      if (!(await rowsOf(call.caller.tenantId).remove(name, actorOf(call))))
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'model price', id: name })
    },
  }
}

export type ModelPricingUseCases = ReturnType<typeof createModelPricing>
