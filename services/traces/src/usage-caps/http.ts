import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { UsageCapUseCases } from './use-cases.ts'

export const createUsageCapHttp = (caps: UsageCapUseCases) =>
  implementHttp(http.usageCaps)({
    listUsageCaps: ({ caller, query }) => caps.list(caller, query),
    createUsageCap: ({ call, body }) => caps.create(call, body),
    getUsageCapUtilization: ({ caller, query }) => caps.utilization(caller, query),
    getUsageCap: ({ caller, params }) => caps.get(caller, params.id),
    updateUsageCap: ({ call, params, body }) => caps.update(call, params.id, body),
    deleteUsageCap: async ({ call, params }) => {
      await caps.remove(call, params.id)
      return { status: 'deleted' }
    },
  })
