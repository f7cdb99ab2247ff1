/** What a tenant used: by the hour, by provider, by session. */
import type { Feature } from '@clawmesh/chassis'
import type { SpanStore } from '../span-store/port.ts'
import type { DailyRuns } from '../usage-caps/daily-runs.ts'
import { createUsageHttp } from './http.ts'
import { createUsageUseCases } from './use-cases.ts'
import { createUsageWs } from './ws.ts'

export const createUsage = (spans: SpanStore, dailyRuns: DailyRuns): Feature => {
  const usage = createUsageUseCases(spans, dailyRuns)
  return { http: createUsageHttp(usage), ws: createUsageWs(usage) }
}
