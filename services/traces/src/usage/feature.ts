/** What a tenant used: by the hour, by provider, by session. */
import type { Database, Feature } from '@clawmesh/chassis'
import type { DailyRuns } from '../usage-caps/daily-runs.ts'
import { createUsageHttp } from './http.ts'
import { createUsageRows } from './rows.ts'
import { createUsageUseCases } from './use-cases.ts'
import { createUsageWs } from './ws.ts'

export const createUsage = (database: Database, dailyRuns: DailyRuns): Feature => {
  const usage = createUsageUseCases(createUsageRows(database), dailyRuns)
  return { http: createUsageHttp(usage), ws: createUsageWs(usage) }
}
