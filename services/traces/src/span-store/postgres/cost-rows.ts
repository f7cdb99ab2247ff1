/** Sums the costs of traces, and reads those of a month, which outlive the traces. */
import type { ScopedDb } from '@clawmesh/chassis'
import type { TenantPrisma } from '../../prisma.ts'
import type { UsageReads } from '../port.ts'

/** Whole hours by their sums; of the hours that a range cuts, the traces within it. */
const costsSql = `
  WITH parts AS (
    SELECT agent_id, request_cost AS cost, request_input_tokens AS input, request_output_tokens AS output, requests
    FROM traces.usage_hours
    WHERE tenant_id = $1::uuid AND ($2::uuid IS NULL OR agent_id = $2::uuid) AND requests <> 0
      AND hour >= $3::timestamptz AND ($4::timestamptz IS NULL OR hour < $4::timestamptz)
    UNION ALL
    SELECT agent_id, total_cost, total_input_tokens, total_output_tokens, 1
    FROM unnest($5::timestamptz[], $6::timestamptz[]) AS cut (from_time, to_time)
    JOIN traces.traces ON created_at >= cut.from_time AND created_at < cut.to_time
    WHERE tenant_id = $1::uuid AND ($2::uuid IS NULL OR agent_id = $2::uuid) AND parent_trace_id IS NULL)
  SELECT agent_id AS "agentId", sum(cost) AS "totalCost", sum(input) AS "totalInputTokens",
    sum(output) AS "totalOutputTokens", sum(requests) AS "traceCount"
  FROM parts GROUP BY agent_id ORDER BY sum(cost) DESC, agent_id`

const iso = (time: Date | undefined): string | null => time?.toISOString() ?? null

type Costs = UsageReads['costs']

export const createCostRows = (tenantId: string, prisma: TenantPrisma, sql: ScopedDb): Costs => ({
  summary: async ({ agentId = null, whole, cut }) => {
    const cuts = [cut.map(({ from }) => iso(from)), cut.map(({ to }) => iso(to))]
    const values = [tenantId, agentId, iso(whole.from), iso(whole.to), ...cuts]
    return (await sql.query<Awaited<ReturnType<Costs['summary']>>[number]>(costsSql, values)).rows
  },

  month: async (agentId, month) => {
    const row = await prisma.agentCostMonthly.findFirst({
      where: { tenantId, agentId, month: new Date(month) },
    })
    return Number(row?.costUsd ?? 0)
  },
})
