import { z } from 'zod'
import { costTag } from '../../cost-tags.ts'
import { json, lenient, page, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { period } from './period.ts'

export const trace = z
  .object({
    id: uuid,
    parent_trace_id: uuid.optional(),
    agent_id: uuid.optional(),
    user_id: z.string().optional(),
    session_key: z.string().optional(),
    run_id: z.string().optional(),
    api_key_id: z.string().optional().describe('The API key that asked for it, where one did'),
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

export const traces = defineHttpTable('traces', {
  listTraces: {
    method: 'GET',
    path: '/v1/traces',
    role: 'viewer',
    summary: 'Recorded agent runs, newest first',
    rules: {
      ordersByTime: 'Runs come newest first, those of the tenant and no others',
      showsRunsThatAreOn:
        'Runs that are on are listed where they belong by their time, with the status `running`: the newest 200 of them that match, without costs, counts and tags, which come with their end; under `tag` there are none, and none while their service is away',
      listsChildren: 'Root runs and those that they delegated are both listed',
      showsOwnRunsOnly: 'Below admin only the own runs are shown, whoever is asked for, and none without a user id',
      capsThePage:
        'A limit above 200 is 200; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
      countsAllMatches: '`total` counts all that match, whatever the page',
      ignoresUnreadableFilters: 'An `agent_id`, `from` or `to` that cannot be read filters nothing',
      filtersByTime: '`from` is inclusive and `to` exclusive, by the time of recording',
      narrowsToATag: '`tag` keeps the runs that have this cost tag, written `name:value`',
      searches:
        '`q` keeps the runs in whose name, error and beginnings of input and output all its words stand, of any case, at most 8 words',
      searchesTheNewest:
        'Under `q` the newest 5,000 runs are looked at that match all else, `total` counts those found among them, and `next_cursor` goes on behind them',
      continuesBehindACursor:
        '`cursor`, the `next_cursor` of an answer, gives the runs behind those of it, whatever has been recorded since; an answer without one is the last',
      takesSuccess: 'The status `success` is `completed`',
      refusesUnknownStatuses: 'A status that is not one of the known is refused',
      answersAnArray: '`traces` is an empty array where nothing matches',
    },
    query: z.object({
      agent_id: lenient(uuid).describe('Only runs of this agent'),
      user_id: lenient(userId).describe('Only runs for this user; only for callers that see all'),
      session_key: lenient(z.string().max(500)).describe('Only runs in this session'),
      status: z
        .enum(['running', 'completed', 'success', 'error', 'cancelled'])
        .optional()
        .describe('Only runs in this state; success is completed'),
      channel: lenient(z.string().max(50)).describe('Only runs on this channel'),
      tag: lenient(costTag).describe('Only runs with this cost tag, written name:value'),
      q: z.string().max(200).optional().describe('Only runs in whose texts all these words stand'),
      cursor: z
        .string()
        .max(60)
        .regex(/^\d{1,13}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
        .optional()
        .describe('The next_cursor of an answer, for the runs behind those of it'),
      ...period,
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        traces: z.array(trace),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
        next_cursor: z.string().optional().describe('Where there may be more'),
      }),
    },
    errors: [400],
  },
  eraseTraces: {
    method: 'DELETE',
    path: '/v1/traces',
    role: 'admin',
    summary: 'Erase the runs of a user: traces, spans and what was said in them',
    rules: {
      erasesAUsersRuns:
        'All traces of `user_id` in the tenant are gone with their spans and long texts, and of nobody else and no other tenant; `erased` says how many',
      takesBackUsage: 'What they used is taken out of usage and costs; amounts under usage caps stay as they are',
      goesOnWhereItEnded:
        'One request erases 1,000 traces at most; `more` says that there are others, for the next request',
      refusesNobody: 'Without a `user_id` the request is refused',
      isAudited:
        'It is an event and an entry of the audit log, trace.erased, stored before anything is gone; of a user without runs nothing is recorded',
    },
    query: z.object({ user_id: userId.min(1).describe('Whose runs') }),
    response: { 200: z.object({ erased: z.number().int(), more: z.boolean() }) },
    errors: [400],
  },
  getTrace: {
    method: 'GET',
    path: '/v1/traces/{traceID}',
    role: 'viewer',
    summary: 'One trace with every span in it',
    rules: {
      ordersSpans:
        'Spans come in the order of their start; of those that start together, a parent before what is under it',
      showsARunThatIsOn: 'A run that is on is answered with the status `running` and its first span',
      leavesChildrenOut: 'Traces of delegated runs are not part of the answer',
      boundsSpans:
        'Once the first spans have said 8 MiB in previews, parameters and metadata, those behind them come without; there are ten thousand of these at most',
      hidesOthersRuns: 'Below admin a trace of another user is answered 404, as one that does not exist',
      pricesSpans: 'Every span names its tenant, and its cost where it has one',
    },
    params: z.object({ traceID: uuid.describe('Id of the trace') }),
    response: { 200: z.object({ trace, spans: z.array(span) }) },
    errors: [400, 404],
  },
  exportTrace: {
    method: 'GET',
    path: '/v1/traces/{traceID}/export',
    role: 'viewer',
    summary: 'A trace with its spans and all traces under it, as gzipped JSON',
    rules: {
      isAGzipFile: 'The answer is a gzip file, not an encoded answer',
      namesTheFile: 'The file is called `trace-<first 8 characters of the id>-<date>.json.gz`',
      holdsWhatIsShown: 'Unpacked it is what `GET /v1/traces/{traceID}` answers, and when it was exported',
      nestsDescendants:
        'What the trace started stands in `sub_traces`, oldest first, at most ten deep and a thousand in all; where there is none the field is absent',
      hidesOthersRuns: 'Below admin a trace of another user is answered 404; what it started for others is in it',
    },
    params: z.object({ traceID: uuid.describe('Id of the trace') }),
    response: { 200: z.string() },
    produces: 'application/gzip',
    producesExample: 'gzipped JSON',
    errors: [400, 404],
  },
})
