import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { exportOf } from './export.ts'
import type { ActivityUseCases } from './use-cases.ts'

export const createActivityHttp = (activity: ActivityUseCases) =>
  implementHttp(http.activity)({
    exportActivity: async ({ caller, query: { format = 'csv', ...query } }) =>
      exportOf(activity.portions(caller, query), format, new Date()),
    listActivity: async ({ caller, query }) => ({ ...query, ...(await activity.list(caller, query)) }),
  })
