import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { ActivityUseCases } from './use-cases.ts'

export const createActivityHttp = (activity: ActivityUseCases) =>
  implementHttp(http.activity)({
    listActivity: async ({ caller, query }) => ({ ...query, ...(await activity.list(caller, query)) }),
  })
