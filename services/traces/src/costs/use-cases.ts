/** What agents have cost. */
import type { Caller } from '@clawmesh/contracts'
import { monthOf } from '../partitions/calendar.ts'
import type { SpanStore } from '../span-store/port.ts'
import { timeRange } from '../traces/time-range.ts'
import { inHours, startOfDay } from '../usage/span-of-time.ts'
import type { AgentCosts, CostQuery } from './types.ts'

const dayMs = 24 * 3_600_000

/** @param retentionDays days that traces are kept: what they used is known for longer */
export const createCostUseCases = (
  { of }: Pick<SpanStore, 'of'>,
  retentionDays: number,
  now: () => Date = () => new Date(),
) => ({
  /** Costs of root traces by agent, highest first. Any viewer sees those of the whole tenant. */
  summary: ({ tenantId }: Caller, { agentId, ...range }: CostQuery): Promise<AgentCosts[]> => {
    const { from = startOfDay(new Date(now().getTime() - retentionDays * dayMs)), to } = timeRange(range)
    return of(tenantId).usage.costs.summary({ ...inHours({ from, to }), agentId })
  },

  /** US dollars that root traces of an agent have cost since the UTC month began. */
  agentMonthCost: ({ tenantId }: Caller, agentId: string): Promise<number> =>
    of(tenantId).usage.costs.month(agentId, monthOf(now())),
})

export type CostUseCases = ReturnType<typeof createCostUseCases>
