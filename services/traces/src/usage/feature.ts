/** What a tenant used: by the hour, by provider, by session. */
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { Feature, Logger, Mesh } from '@clawmesh/chassis'
import type { SpanStore } from '../span-store/port.ts'
import type { DailyRuns } from '../usage-caps/daily-runs.ts'
import { createHeldIn } from './held.ts'
import { createUsageHttp } from './http.ts'
import { createUsageUseCases } from './use-cases.ts'
import { createUsageWs } from './ws.ts'

interface Parts {
  mesh: Pick<Mesh, 'client'>
  spans: SpanStore
  dailyRuns: DailyRuns
  log: Logger
}

export const createUsage = ({ mesh, spans, dailyRuns, log }: Parts): Feature => {
  const heldIn = createHeldIn(mesh.client(MemoryServiceService), log)
  const usage = createUsageUseCases({ spans, dailyRuns, heldIn })
  return { http: createUsageHttp(usage), ws: createUsageWs(usage) }
}
