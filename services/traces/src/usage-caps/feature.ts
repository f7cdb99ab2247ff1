/** Usage caps: what may be used in a day or month, and the ledger that holds model calls to it. */
import type { Feature, Logger, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { PricesOf } from '../model-pricing/feature.ts'
import { createDailyRuns } from './daily-runs.ts'
import { createUsageCapHttp } from './http.ts'
import { createUsageLedger } from './ledger.ts'
import { createLedger } from './ledger-rows.ts'
import { createCallPrices } from './prices.ts'
import { createCapRows } from './rows.ts'
import { createUsageCapRpc } from './rpc.ts'
import { createSweep } from './sweep.ts'
import type { UsageCap } from './types.ts'
import { createUsageCapUseCases } from './use-cases.ts'
import { createUsageCapWs } from './ws.ts'

const tenantsWithCaps = 10_000

interface Parts {
  mesh: Pick<Mesh, 'cache'>
  db: ServiceDb<PrismaClient>
  config: TracesConfig
  log: Logger
  pricesOf: PricesOf
}

export const createUsageCaps = ({ mesh, db, config, log, pricesOf }: Parts) => {
  const rowsOf = createCapRows(db)
  const useCases = createUsageCapUseCases(rowsOf)
  const rows = createLedger(db)
  const ledger = createUsageLedger({
    ledger: rows,
    caps: mesh.cache<UsageCap[]>('usage_caps', tenantsWithCaps),
    readCaps: (tenantId) => rowsOf(tenantId).all(),
    pricesOf: async (tenantId) => createCallPrices(await pricesOf(tenantId), config.assumedModelPrice),
    leaseMs: config.usageReservationMs,
  })
  return {
    http: createUsageCapHttp(useCases),
    ws: createUsageCapWs(useCases),
    rpc: createUsageCapRpc(ledger),
    parts: [createSweep(rows, config.usageSweepMs, log)],
    useCases,
    all: (tenantId: string) => rowsOf(tenantId).all(),
    dailyRuns: createDailyRuns(rowsOf),
  } satisfies Feature & Record<'rpc' | 'useCases' | 'all' | 'dailyRuns', object>
}
