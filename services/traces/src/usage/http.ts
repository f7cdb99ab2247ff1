import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { UsageUseCases } from './use-cases.ts'

export const createUsageHttp = (usage: UsageUseCases) =>
  implementHttp(http.usage)({
    getUsage: ({ caller, query }) => usage.sessions(caller, query),
    getUsageTimeseries: async ({ call, query }) => ({ points: await usage.series(call, query) }),
    getUsageBreakdown: async ({ caller, query }) => ({ rows: await usage.breakdown(caller, query) }),
    getUsageSummary: ({ caller, query }) => usage.compare(caller, query),
  })
