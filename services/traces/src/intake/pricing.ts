/** Puts costs to the spans of a batch, each by the prices of its tenant. */
import type { PricesOf } from '../model-pricing/feature.ts'
import type { PriceTable } from '../model-pricing/price-table.ts'
import { costOf } from './prices.ts'
import type { TraceReport } from './types.ts'

/** A trace with what its spans cost. */
export const pricedBy = (table: PriceTable, report: TraceReport): TraceReport => ({
  ...report,
  spans: report.spans.map((span) => ({ ...span, total_cost: costOf(table, span) })),
})

/** @throws what keeps a tenant's prices from being read; then nothing of the batch may be stored */
export const createPricing =
  (pricesOf: PricesOf) =>
  async (batch: readonly TraceReport[]): Promise<TraceReport[]> => {
    const tenants = [...new Set(batch.map(({ tenantId }) => tenantId))]
    const tables = new Map(
      await Promise.all(tenants.map(async (tenantId) => [tenantId, await pricesOf(tenantId)] as const)),
    )
    return batch.map((report) => pricedBy(tables.get(report.tenantId)!, report))
  }
