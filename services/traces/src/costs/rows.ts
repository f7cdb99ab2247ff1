/** Sums the costs of traces, and reads those of a month, which outlive the traces. */
import type { Database } from '@clawmesh/chassis'
import type { PrismaOf } from '../prisma.ts'
import type { CostRows } from './use-cases.ts'

const costsSql = `
  SELECT agent_id AS "agentId", sum(total_cost) AS "totalCost", sum(total_input_tokens) AS "totalInputTokens",
    sum(total_output_tokens) AS "totalOutputTokens", count(*) AS "traceCount"
  FROM traces.traces
  WHERE tenant_id = $1::uuid AND parent_trace_id IS NULL
    AND ($2::uuid IS NULL OR agent_id = $2::uuid)
    AND ($3::timestamptz IS NULL OR created_at >= $3::timestamptz)
    AND ($4::timestamptz IS NULL OR created_at < $4::timestamptz)
  GROUP BY agent_id ORDER BY sum(total_cost) DESC, agent_id`

export const createCostRows =
  ({ forTenant }: Database, prismaOf: PrismaOf) =>
  (tenantId: string): CostRows => ({
    summary: async ({ agentId = null, from, to }) => {
      const values = [tenantId, agentId, from?.toISOString() ?? null, to?.toISOString() ?? null]
      return (await forTenant(tenantId).query<Awaited<ReturnType<CostRows['summary']>>[number]>(costsSql, values)).rows
    },

    monthCost: async (agentId, month) => {
      const row = await prismaOf(tenantId).agentCostMonthly.findFirst({
        where: { tenantId, agentId, month: new Date(month) },
      })
      return Number(row?.costUsd ?? 0)
    },
  })
