import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { CostUseCases } from './use-cases.ts'

export const createCostHttp = (costs: CostUseCases) =>
  implementHttp(http.costs)({
    getCostSummary: async ({ caller, query }) => ({ rows: await costs.summary(caller, query) }),
  })
