/** Traces: what agent runs did and cost, and who changed what, taken in from events and kept for some time. */
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { composeService, implementRpc, type Mesh, type Service } from '@clawmesh/chassis'
import { createActivity } from './activity/feature.ts'
import type { TracesConfig } from './config.ts'
import { createCosts } from './costs/feature.ts'
import { createPrismaOf } from './prisma.ts'
import { createIntake } from './intake/feature.ts'
import { createPartitions } from './partitions/feature.ts'
import { createTraces } from './traces/feature.ts'
import { createUsage } from './usage/feature.ts'

export const tracesService = (mesh: Mesh, config: TracesConfig): Service => {
  const log = mesh.log.child({ service: 'traces' })
  const database = mesh.database('traces')
  const prismaOf = createPrismaOf(database)
  const partitions = createPartitions(database, config, log)
  const costs = createCosts(database, prismaOf)
  return composeService(mesh, {
    name: 'traces',
    features: [
      createTraces(prismaOf),
      costs,
      createUsage(database),
      createIntake({ mesh, database, partitions: partitions.traces, config }),
      createActivity({ mesh, database, prismaOf, partitions: partitions.activity }),
    ],
    rpc: [implementRpc(TracesServiceService, costs.rpc)],
    parts: [{ name: 'traces database', ready: database.ping }, ...partitions.parts],
  })
}
