/** What models cost each tenant, and the prices by which its costs are counted. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createModelPricingHttp } from './http.ts'
import { createPriceTable, type PriceTable } from './price-table.ts'
import { createPriceRows } from './rows.ts'
import { createModelPricing } from './use-cases.ts'
import { createModelPricingWs } from './ws.ts'

const tenantsWithPrices = 10_000

export const createModelPricingFeature = (
  mesh: Pick<Mesh, 'cache'>,
  db: ServiceDb<PrismaClient>,
  { modelPrices }: Pick<TracesConfig, 'modelPrices'>,
) => {
  const pricing = createModelPricing({
    rowsOf: createPriceRows(db),
    shared: createPriceTable(modelPrices),
    cache: mesh.cache<PriceTable>('model_prices', tenantsWithPrices),
  })
  return {
    http: createModelPricingHttp(pricing),
    ws: createModelPricingWs(pricing),
    pricesOf: pricing.pricesOf,
  } satisfies Feature & { pricesOf: object }
}

/** The prices by which the costs of a tenant are counted. */
export type PricesOf = (tenantId: string) => Promise<PriceTable>
