import { z } from 'zod'
import { json, lenient, page, timestamp, userId, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

export const trace = z
  .object({
    id: uuid,
    parent_trace_id: uuid.optional(),
    agent_id: uuid.optional(),
    user_id: z.string().optional(),
    session_key: z.string().optional(),
    run_id: z.string().optional(),
    start_time: timestamp,
    end_time: timestamp.optional(),
    duration_ms: z.number().int().optional(),
    name: z.string().optional(),
    channel: z.string().optional(),
    input_preview: z.string().optional(),
    output_preview: z.string().optional(),
    total_input_tokens: z.number().int(),
    total_output_tokens: z.number().int(),
    total_cost: z.number(),
    span_count: z.number().int(),
    llm_call_count: z.number().int(),
    tool_call_count: z.number().int(),
    status: z.enum(['running', 'completed', 'error', 'cancelled']),
    error: z.string().optional(),
    metadata: json.optional(),
    tags: z.array(z.string()).optional(),
    created_at: timestamp,
  })
  .meta({ id: 'Trace', description: 'One run of an agent with its totals' })

export const span = z
  .object({
    id: uuid,
    trace_id: uuid,
    parent_span_id: uuid.optional(),
    agent_id: uuid.optional(),
    span_type: z.enum(['llm_call', 'tool_call', 'agent', 'embedding', 'event']),
    name: z.string().optional(),
    start_time: timestamp,
    end_time: timestamp.optional(),
    duration_ms: z.number().int().optional(),
    status: z.enum(['running', 'completed', 'error']),
    error: z.string().optional(),
    level: z.string().optional(),
    model: z.string().optional(),
    provider: z.string().optional(),
    input_tokens: z.number().int().optional(),
    output_tokens: z.number().int().optional(),
    total_cost: z.number().optional(),
    finish_reason: z.string().optional(),
    model_params: json.optional(),
    tool_name: z.string().optional(),
    tool_call_id: z.string().optional(),
    input_preview: z.string().optional(),
    output_preview: z.string().optional(),
    metadata: json.optional(),
    tenant_id: uuid,
    created_at: timestamp,
  })
  .meta({ id: 'Span', description: 'One step of a run: a model call, a tool call' })

export const activityLog = z
  .object({
    id: uuid,
    actor_type: z.string().max(20),
    /** A user's id, or `system` where none was known. */
    actor_id: z.string().max(255),
    /** `<entity>.<verb>`, such as `agent.created`. */
    action: z.string().max(100),
    entity_type: z.string().max(50).optional(),
    entity_id: z.string().max(255).optional(),
    details: json.nullable(),
    ip_address: z.string().max(45).optional(),
    created_at: timestamp,
  })
  .meta({ id: 'ActivityLog', description: 'One change: who changed what, and from where' })

const period = {
  from: lenient(timestamp).describe('Not before this time'),
  to: lenient(timestamp).describe('Not after this time'),
}

export const traces = defineHttpService('traces', {
  listTraces: {
    method: 'GET',
    path: '/v1/traces',
    role: 'viewer',
    summary: 'Recorded agent runs, newest first',
    query: z.object({
      agent_id: lenient(uuid).describe('Only runs of this agent'),
      user_id: lenient(userId).describe('Only runs for this user; only for callers that see all'),
      session_key: lenient(z.string().max(500)).describe('Only runs in this session'),
      status: z
        .enum(['running', 'completed', 'success', 'error', 'cancelled'])
        .optional()
        .describe('Only runs in this state; success is completed'),
      channel: lenient(z.string().max(50)).describe('Only runs on this channel'),
      ...period,
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        traces: z.array(trace),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [400],
  },
  getTrace: {
    method: 'GET',
    path: '/v1/traces/{traceID}',
    role: 'viewer',
    summary: 'One trace with every span in it',
    params: z.object({ traceID: uuid.describe('Id of the trace') }),
    response: { 200: z.object({ trace, spans: z.array(span) }) },
    errors: [400, 404],
  },
  getCostSummary: {
    method: 'GET',
    path: '/v1/costs/summary',
    role: 'viewer',
    summary: 'Cost and token totals per agent',
    query: z.object({ agent_id: lenient(uuid).describe('Only this agent'), ...period }),
    response: {
      200: z.object({
        rows: z.array(
          z.object({
            agent_id: uuid.optional(),
            total_cost: z.number(),
            total_input_tokens: z.number().int(),
            total_output_tokens: z.number().int(),
            trace_count: z.number().int(),
          }),
        ),
      }),
    },
    errors: [],
  },
  listActivity: {
    method: 'GET',
    path: '/v1/activity',
    role: 'viewer',
    summary: 'The audit log, newest first: who changed what, and from where',
    query: z.object({
      actor_type: lenient(z.string().max(20)).describe('Only changes by this kind of actor'),
      actor_id: lenient(userId).describe('Only changes by this actor'),
      action: lenient(z.string().max(100)).describe('Only this action, such as agent.created'),
      entity_type: lenient(z.string().max(50)).describe('Only changes of this kind of thing'),
      entity_id: lenient(z.string().max(255)).describe('Only changes of this thing'),
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        logs: z.array(activityLog),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [],
  },
})
