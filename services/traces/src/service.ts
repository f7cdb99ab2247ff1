/** Traces: what agent runs did and cost, and who changed what, taken in from events and kept for some time. */
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { composeService, implementRpc, openServiceDb, type Mesh, type Service } from '@clawmesh/chassis'
import { createAccountPools } from './account-pools/feature.ts'
import { createActivity } from './activity/feature.ts'
import type { TracesConfig } from './config.ts'
import { createCosts } from './costs/feature.ts'
import { PrismaClient } from './db/client/client.ts'
import { createIntake } from './intake/feature.ts'
import { createModelPricingFeature } from './model-pricing/feature.ts'
import { createOtlp } from './otlp/feature.ts'
import { createPartitions } from './partitions/feature.ts'
import type { PrismaOf } from './prisma.ts'
import { createRunExport } from './run-export/feature.ts'
import { createPostgresSpanStore } from './span-store/postgres.ts'
import { createTraces } from './traces/feature.ts'
import { createUsageCaps } from './usage-caps/feature.ts'
import { createUsage } from './usage/feature.ts'

export const tracesService = (mesh: Mesh, config: TracesConfig): Service => {
  const log = mesh.log.child({ service: 'traces' })
  const db = openServiceDb(mesh, 'traces', PrismaClient)
  const { database } = db
  const prismaOf: PrismaOf = (tenantId) => db.forTenant(tenantId).prisma
  const partitions = createPartitions(database, config, log)
  const spans = createPostgresSpanStore({ db, partitions: partitions.traces, config, log })
  const costs = createCosts(spans, config)
  const modelPricing = createModelPricingFeature(mesh, db, config)
  const { pricesOf } = modelPricing
  const runExport = createRunExport(config, log)
  const { exporter } = runExport
  const intake = createIntake({ mesh, spans, config, pricesOf, exporter })
  const usageCaps = createUsageCaps({ mesh, db, config, log, pricesOf })
  return composeService(mesh, {
    name: 'traces',
    features: [
      createTraces({ mesh, spans, db, log }),
      costs,
      createUsage({ mesh, spans, dailyRuns: usageCaps.dailyRuns, log }),
      modelPricing,
      usageCaps,
      runExport.feature,
      intake,
      createOtlp({ spans, intake, config }),
      createActivity({ mesh, database, prismaOf, partitions: partitions.activity }),
    ],
    rpc: [implementRpc(TracesServiceService, { ...costs.rpc, ...usageCaps.rpc, ...createAccountPools(spans).rpc })],
    parts: [...db.parts, ...partitions.parts, spans.part],
  })
}
