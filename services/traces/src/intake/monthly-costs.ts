import { monthOf } from '../partitions/calendar.ts'
import { roundCost } from './prices.ts'

/** What a trace costs more than was counted of it before. */
export interface CostChange {
  tenantId: string
  agentId: string | null | undefined
  parentTraceId: string | null | undefined
  /** ISO 8601 */
  createdAt: string
  usd: number
}

/** A row of the monthly costs, or what is added to one. */
export interface MonthlyCost {
  tenant_id: string
  agent_id: string
  /** First day of the UTC month: `2026-11-01`. */
  month: string
  cost_usd: number
}

/**
 * What changes add to the months of their agents, in the order in which all replicas lock them. Only root traces count
 * (notes/agents.md): what an agent delegates is part of neither its own nor the other's budget twice.
 */
export const monthlyCosts = (changes: readonly CostChange[]): MonthlyCost[] => {
  const sums = new Map<string, MonthlyCost>()
  for (const { tenantId, agentId, parentTraceId, createdAt, usd } of changes) {
    if (!agentId || parentTraceId || usd === 0) continue
    const month = monthOf(createdAt)
    const key = `${tenantId}/${agentId}/${month}`
    const before = sums.get(key)?.cost_usd ?? 0
    sums.set(key, { tenant_id: tenantId, agent_id: agentId, month, cost_usd: roundCost(before + usd) })
  }
  return [...sums.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cost]) => cost)
}
