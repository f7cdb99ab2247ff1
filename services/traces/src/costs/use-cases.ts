/** What agents have cost. */
import type { Caller, http } from '@clawmesh/contracts'
import type { QueryShape, ResponseShape } from '@clawmesh/chassis'
import { monthOf } from '../partitions/calendar.ts'
import { timeRange, type TimeRange } from '../traces/time-range.ts'

type Summary = typeof http.costs.operations.getCostSummary

/** Costs of one agent, or of the traces that have none. */
type AgentCosts = ResponseShape<Summary['response'][200]>['rows'][number]

/** The rows of one tenant. */
export interface CostRows {
  /** Of root traces by agent, highest first. */
  summary: (filter: TimeRange & { agentId: string | undefined }) => Promise<AgentCosts[]>
  /** US dollars; 0 for a month without costs. `month` is its first day. */
  monthCost: (agentId: string, month: string) => Promise<number>
}

export const createCostUseCases = (rowsOf: (tenantId: string) => CostRows) => ({
  /** Costs of root traces by agent, highest first. Any viewer sees those of the whole tenant. */
  summary: ({ tenantId }: Caller, { agentId, ...range }: QueryShape<Summary>): Promise<AgentCosts[]> =>
    rowsOf(tenantId).summary({ ...timeRange(range), agentId }),

  /** US dollars that root traces of an agent have cost since the UTC month began. */
  agentMonthCost: ({ tenantId }: Caller, agentId: string, now: Date): Promise<number> =>
    rowsOf(tenantId).monthCost(agentId, monthOf(now)),
})

export type CostUseCases = ReturnType<typeof createCostUseCases>
