/** Reads traces, spans, costs and the activity log of a tenant. */
import type { Database } from '@clawmesh/chassis'
import type { Page } from '../domain/queries.ts'
import { activitySchema, spanSchema, traceSchema, type ActivityLog, type Span, type Trace } from '../domain/types.ts'
import { PrismaClient } from './client/client.ts'
import { toContract } from './wire.ts'

interface Range {
  /** inclusive */
  from: Date | undefined
  /** exclusive */
  to: Date | undefined
}

interface Filter extends Range {
  agent_id: string | undefined
  user_id: string | undefined
  session_key: string | undefined
  channel: string | undefined
  status: Trace['status'] | undefined
}

/** Exact matches. */
export type ActivityFilter = Record<
  'actor_type' | 'actor_id' | 'action' | 'entity_type' | 'entity_id',
  string | undefined
>

/** Costs of one agent, or of the traces that have none. */
export interface AgentCosts {
  agent_id?: string
  total_cost: number
  total_input_tokens: number
  total_output_tokens: number
  trace_count: number
}

const costsSql = `
  SELECT agent_id, sum(total_cost) AS total_cost, sum(total_input_tokens) AS total_input_tokens,
    sum(total_output_tokens) AS total_output_tokens, count(*) AS trace_count
  FROM traces.traces
  WHERE tenant_id = $1::uuid AND parent_trace_id IS NULL
    AND ($2::uuid IS NULL OR agent_id = $2::uuid)
    AND ($3::timestamptz IS NULL OR created_at >= $3::timestamptz)
    AND ($4::timestamptz IS NULL OR created_at < $4::timestamptz)
  GROUP BY agent_id ORDER BY sum(total_cost) DESC, agent_id`

/** The reading side of the store. Every function asks for one tenant. */
export const createTraceReader = ({ tenantClientOptions, clientOf, forTenant }: Database) => {
  const client = new PrismaClient(tenantClientOptions)

  return {
    /** A page of traces, newest first, and how many there are. */
    list: async (
      tenantId: string,
      { from, to, ...filter }: Filter,
      { limit, offset }: Page,
    ): Promise<{ traces: Trace[]; total: number }> => {
      const prisma = clientOf(client, tenantId)
      const where = { ...filter, tenant_id: tenantId, created_at: { gte: from, lt: to } }
      const total = await prisma.trace.count({ where })
      if (offset >= total) return { traces: [], total }
      const rows = await prisma.trace.findMany({
        where,
        orderBy: [{ created_at: 'desc' }, { id: 'desc' }],
        take: limit,
        skip: offset,
      })
      return { traces: rows.map((row) => toContract(traceSchema, row)), total }
    },

    /** A trace, and a function that reads its spans in the order of their start. */
    find: async (tenantId: string, id: string): Promise<{ trace: Trace; spans: () => Promise<Span[]> } | undefined> => {
      const prisma = clientOf(client, tenantId)
      const row = await prisma.trace.findFirst({ where: { tenant_id: tenantId, id } })
      if (row === null) return undefined
      return {
        trace: toContract(traceSchema, row),
        spans: async () => {
          const spans = await prisma.span.findMany({
            where: { tenant_id: tenantId, trace_id: id, created_at: row.created_at },
            orderBy: [{ start_time: 'asc' }, { id: 'asc' }],
          })
          return spans.map((span) => toContract(spanSchema, span))
        },
      }
    },

    costs: async (
      tenantId: string,
      { agent_id, from, to }: Range & { agent_id: string | undefined },
    ): Promise<AgentCosts[]> => {
      const { rows } = await forTenant(tenantId).query<AgentCosts & { agent_id: string | null }>(costsSql, [
        tenantId,
        agent_id ?? null,
        from?.toISOString() ?? null,
        to?.toISOString() ?? null,
      ])
      return rows.map(({ agent_id: agentId, ...sums }) => (agentId === null ? sums : { agent_id: agentId, ...sums }))
    },

    /** A page of the activity log, newest first, and how many records there are. */
    activity: async (
      tenantId: string,
      filter: ActivityFilter,
      { limit, offset }: Page,
    ): Promise<{ logs: ActivityLog[]; total: number }> => {
      const prisma = clientOf(client, tenantId)
      const where = { ...filter, tenant_id: tenantId }
      const total = await prisma.activityLog.count({ where })
      if (offset >= total) return { logs: [], total }
      const rows = await prisma.activityLog.findMany({
        where,
        orderBy: [{ created_at: 'desc' }, { id: 'desc' }],
        take: limit,
        skip: offset,
      })
      return { logs: rows.map((row) => toContract(activitySchema, row)), total }
    },

    /** US dollars; 0 for a month without costs. `month` is its first day. */
    monthCost: async (tenantId: string, agentId: string, month: string): Promise<number> => {
      const row = await clientOf(client, tenantId).agentCostMonthly.findFirst({
        where: { tenant_id: tenantId, agent_id: agentId, month: new Date(month) },
      })
      return Number(row?.cost_usd ?? 0)
    },
  }
}

export type TraceReader = ReturnType<typeof createTraceReader>
