import { z } from 'zod'
import { costTag } from '../../cost-tags.ts'
import { epochMs, lenient, page, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const count = z.number().int()

export const usageRecord = z
  .object({
    agentId: z.string().describe('The agent in the session key; the id of the agent where the key names none'),
    sessionKey: z.string(),
    model: z.string(),
    provider: z.string(),
    inputTokens: count,
    outputTokens: count,
    totalTokens: count,
    timestamp: epochMs,
  })
  .meta({ id: 'UsageRecord', description: 'Tokens of a session' })

const usageTotals = z
  .object({
    requests: count,
    input_tokens: count,
    output_tokens: count,
    cost: z.number(),
    unique_users: count,
    errors: count,
    llm_calls: count,
    tool_calls: count,
    avg_duration_ms: count,
  })
  .meta({ id: 'UsageTotals', description: 'What was used in a time' })

const counters = {
  input_tokens: count,
  output_tokens: count,
  cache_read_tokens: count,
  cache_create_tokens: count,
  total_cost: z.number(),
  request_count: count,
  llm_call_count: count,
  tool_call_count: count,
  error_count: count,
  avg_duration_ms: count,
}

const usagePoint = z
  .object({
    bucket_time: timestamp,
    ...counters,
    thinking_tokens: count,
    unique_users: count,
    memory_docs: count,
    memory_chunks: count,
    kg_entities: count,
    kg_relations: count,
  })
  .meta({ id: 'UsagePoint', description: 'What was used in an hour or a day' })

const usageBreakdownRow = z
  .object({ key: z.string(), ...counters })
  .meta({ id: 'UsageBreakdownRow', description: 'What was used under one name' })

const periods = ['1h', '24h', 'today', '7d', '30d'] as const

const from = 'Not before this time'
const to = 'Before this time'
/** Both ends or neither; unlike a filter, one that is no time is refused. */
const strictRange = {
  from: timestamp.optional().describe(from),
  to: timestamp.optional().describe(to),
  period: lenient(z.enum(periods)).describe('Where from and to are absent; the last 24 hours without any'),
}
const text = z.string().max(255)
const filters = {
  agent_id: lenient(uuid).describe('Only this agent'),
  provider: lenient(text).describe('Only calls of this provider'),
  model: lenient(text).describe('Only calls of this model'),
  channel: lenient(text).describe('Only requests on this channel'),
  tag: lenient(costTag).describe('Only requests with this cost tag, written name:value'),
}

const isOpenToViewers = 'Any viewer sees the usage of the whole tenant, and of no other'
const choosesTheTime =
  '`from` and `to` together come first, then `period`, then the last 24 hours; one of the two alone, or one that is no time, is refused'
const countsInTheirHours =
  'A request counts in the hour in which its run began, a call in the hour of its own start, however late it is reported'
const countsCallsOnly =
  'Under a filter by provider or model only calls are counted: tokens, costs and calls, but no requests, tools, errors or durations'

export const usage = defineHttpTable('traces', {
  getUsage: {
    method: 'GET',
    path: '/v1/usage',
    role: 'viewer',
    summary: 'Tokens by session, newest first, and the totals',
    rules: {
      listsSessionsWithTokens:
        'One record for each session that used tokens, with the provider and model of its last call',
      showsOwnSessionsOnly: 'Below admin only the own sessions are listed and summed up, and none without a user id',
      takesAgentsByIdOrKey: '`agent_id` is the id of an agent, or the key that session keys name',
      filters:
        '`provider`, `model`, `channel`, `from` and `to` narrow records and totals; what cannot be read filters nothing',
      narrowsToATag: '`tag` keeps the requests that have this cost tag, written `name:value`',
      sumsAll: '`totals` sums up all that matches, whatever the page; `offset` is never beyond `total`',
      capsThePage: 'A limit above 200 is 200, and 20 where none is given',
    },
    query: z.object({
      ...filters,
      agent_id: lenient(z.string().max(100)).describe('Only this agent, by id or key'),
      from: lenient(timestamp).describe(from),
      to: lenient(timestamp).describe(to),
      ...page(20, 200),
    }),
    response: {
      200: z.object({ records: z.array(usageRecord), total: count, limit: count, offset: count, totals: usageTotals }),
    },
    errors: [],
  },
  getUsageTimeseries: {
    method: 'GET',
    path: '/v1/usage/timeseries',
    role: 'viewer',
    summary: 'Usage by the hour or day',
    rules: {
      choosesTheTime,
      bucketsByTheHour:
        'An hour counts when it begins within the time, so a `from` within an hour leaves that hour out; the current one counts as far as it has come',
      groupsByDay: '`group_by`, or `interval`, may be `day` (UTC); `week` is `day`, and anything else is `hour`',
      narrowsToATag: '`tag` keeps the requests that have this cost tag, written `name:value`',
      countsInTheirHours,
      leavesGaps: 'Points ascend, and hours without usage are left out',
      tellsWhatMemoryHeld:
        'Documents, chunks, entities and relations are those that memory held in that hour or day, of the tenant or of `agent_id`, as they were last counted (every quarter of an hour); 0 under a filter that memory does not know, and while memory is away',
      sumsRootRuns: 'Runs that another run started are part of no count, as that run asked for them',
      countsCallsOnly,
      isOpenToViewers,
    },
    query: z.object({
      ...strictRange,
      ...filters,
      group_by: z.string().max(20).optional().describe('hour (default) or day'),
      interval: z.string().max(20).optional().describe('Another name of group_by'),
    }),
    response: { 200: z.object({ points: z.array(usagePoint) }) },
    errors: [400],
  },
  getUsageBreakdown: {
    method: 'GET',
    path: '/v1/usage/breakdown',
    role: 'viewer',
    summary: 'Usage by provider, model, channel, agent, user, API key or cost tag',
    rules: {
      choosesTheTime,
      groups:
        '`group_by` is `provider`, `model`, `channel`, `agent`, `user`, `key` or `tag`, and anything else is `provider`; an agent and an API key are their ids, or empty where there is none',
      showsOwnUsers:
        'By user or key an admin sees all, at most 1,000 with the most input tokens, and below admin only the own requests are counted, none without a user id',
      countsUnderEachTag:
        'By `tag` a request counts under each of its cost tags, written `name:value`, and one without any under none; at most 1,000 come, those with the most input tokens',
      countsCallsOnly: 'By provider or model only calls are counted, and requests, tools, errors and durations are 0',
      narrowsToATag: '`tag` keeps the requests that have this cost tag, written `name:value`',
      sorts: 'Channels are sorted by requests, and none is without a name; all else by input tokens, most first',
      isOpenToViewers,
    },
    query: z.object({
      ...strictRange,
      ...filters,
      group_by: lenient(z.enum(['provider', 'model', 'channel', 'agent', 'user', 'key', 'tag'])).describe(
        'provider unless said',
      ),
    }),
    response: { 200: z.object({ rows: z.array(usageBreakdownRow) }) },
    errors: [400],
  },
  getUsageSummary: {
    method: 'GET',
    path: '/v1/usage/summary',
    role: 'viewer',
    summary: 'Totals of a time beside those of the time before it',
    rules: {
      comparesWithTheTimeBefore:
        'The time before is as long and ends where the asked one begins; before `today` it is the whole day before, in UTC; of both the hours count that begin within them',
      prefersThePeriod:
        '`from` and `to` count only where `period` is absent or `custom` and both can be read; an unknown period is the last 24 hours',
      countsUsersOnce: 'A user counts once in each of the two times, and the current hour counts as far as it has come',
      narrowsToATag: '`tag` keeps the requests that have this cost tag, written `name:value`',
      narrowsBoth: '`agent_id`, `provider`, `model` and `channel` narrow both times',
      isOpenToViewers,
    },
    query: z.object({
      period: lenient(z.string().max(20)).describe('1h, 24h (default), today, 7d, 30d or custom'),
      from: lenient(timestamp).describe(from),
      to: lenient(timestamp).describe(to),
      ...filters,
    }),
    response: { 200: z.object({ current: usageTotals, previous: usageTotals }) },
    errors: [],
  },
})
