import { z } from 'zod'
import { page } from '../../http/common.ts'
import { usageRecord } from '../../http/traces/usage.ts'
import { defineWsTable } from '../method.ts'

const count = z.number().int()
const window = z.object({ used: count, limit: count.describe('0 is no limit') })

export const usage = defineWsTable('traces', {
  'usage.get': {
    role: 'viewer',
    summary: 'Tokens by session, newest first',
    rules: {
      isAsOverHttp: 'Records are those of `GET /v1/usage`: sessions that used tokens, below admin the own ones only',
    },
    params: z.object({
      agentId: z.string().max(100).optional().describe('Id or key of an agent'),
      ...page(20, 200),
    }),
    result: z.object({ records: z.array(usageRecord), total: count, limit: count, offset: count }),
    errors: [],
  },
  'usage.summary': {
    role: 'viewer',
    summary: 'Tokens by agent',
    rules: {
      sumsSessions:
        'Sessions that used tokens are counted and summed up by the agent in their keys; below admin the own ones only',
    },
    params: z.object({}),
    result: z.object({
      byAgent: z.record(
        z.string(),
        z.object({ inputTokens: count, outputTokens: count, totalTokens: count, sessions: count }),
      ),
      totalRecords: count,
    }),
    errors: [],
  },
  'quota.usage': {
    role: 'viewer',
    summary: "Today's totals of the tenant, and what of the quotas of its users is used",
    rules: {
      countsToday: 'Root runs since 00:00 UTC are counted, with their tokens, costs and users',
      isSwitchedOff:
        'Without an enabled hard usage cap on the runs of users in a day, `enabled` is false and `entries` is empty',
      listsUsers:
        'With one, users come with their runs of the last hour, 24 hours and 7 days, at most 50, those with the most of the week first; below admin the caller alone',
      showsWhatIsEnforced:
        'The `limit` of a day is the cap that holds for the user, one on them in place of one on each, and `used` is then what it has counted and holds since 00:00 UTC; of hours, weeks and users without a cap it is 0',
    },
    params: z.object({}),
    result: z.object({
      enabled: z.boolean(),
      requestsToday: count,
      inputTokensToday: count,
      outputTokensToday: count,
      costToday: z.number(),
      uniqueUsersToday: count,
      entries: z.array(z.object({ userId: z.string(), hour: window, day: window, week: window })).max(50),
    }),
    errors: [],
  },
})
