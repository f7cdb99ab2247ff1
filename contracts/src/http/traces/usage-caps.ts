import { z } from 'zod'
import { idParams, lenient, page, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

/** What a cap can be about. */
export const capScopes = ['tenant', 'api_key', 'user', 'agent', 'provider', 'model'] as const
export const capMetrics = ['cost', 'tokens', 'runs'] as const
export const capPeriods = ['day', 'month'] as const
export const capModes = ['hard', 'soft'] as const

const subject = z
  .string()
  .max(255)
  .describe('Whose usage is capped: an id of a key, user or agent, a provider or a model; empty is each of its own')
const amount = z.number().positive().max(1e12).describe('US dollars, tokens or runs in a period; whole but for dollars')
const mode = z.enum(capModes).describe('hard refuses what goes beyond; soft only tells of it')
const unknownPrices = z
  .enum(['refuse', 'count'])
  .describe('What a cap on costs does about a model without a price: count it at the assumed price, or refuse it')

const fixed = {
  scope: z.enum(capScopes),
  subject,
  metric: z.enum(capMetrics),
  period: z.enum(capPeriods).describe('A day or a month of UTC'),
}

export const usageCap = z
  .object({
    id: uuid,
    created_at: timestamp,
    updated_at: timestamp,
    ...fixed,
    amount,
    mode,
    unknown_prices: unknownPrices,
    enabled: z.boolean(),
  })
  .meta({ id: 'UsageCap', description: 'A bound on what may be used in a day or month' })

export const usageCapBody = z.object({
  ...fixed,
  subject: subject.default(''),
  amount,
  mode: mode.default('hard'),
  unknown_prices: unknownPrices.default('count'),
  enabled: z.boolean().default(true),
})

export const usageCapChanges = z.object({
  amount: amount.optional(),
  mode: mode.optional(),
  unknown_prices: unknownPrices.optional(),
  enabled: z.boolean().optional(),
})

export const capUtilization = z
  .object({
    cap_id: uuid,
    ...fixed,
    mode,
    period_start: timestamp,
    renews_at: timestamp,
    amount,
    used: z.number().describe('What ended calls have used'),
    reserved: z.number().describe('What calls that are under way may use'),
    percent: z.number().describe('Used, of the amount'),
  })
  .meta({ id: 'UsageCapUtilization', description: 'What of a cap is used in the current period, by one subject' })

export const utilizationPage = {
  cap_id: lenient(uuid).describe('Only this cap'),
  subject: lenient(z.string().max(255)).describe('Only this key, user, agent, provider or model'),
  ...page(50, 200),
}

const count = z.number().int()
const isOfTheTenant =
  'Caps are those of the tenant of the caller; what is no id is refused, an unknown id is answered 404'
const hearsOfIt = 'It counts from the next model call on, on every replica'

export const usageCaps = defineHttpTable('traces', {
  listUsageCaps: {
    method: 'GET',
    path: '/v1/usage-caps',
    role: 'admin',
    summary: 'The usage caps of the tenant, the oldest first',
    rules: {
      pages: 'A page has 50 caps unless said, 200 at most; `total` counts all',
    },
    query: z.object(page(50, 200)),
    response: { 200: z.object({ caps: z.array(usageCap), total: count, limit: count, offset: count }) },
    errors: [],
  },
  createUsageCap: {
    method: 'POST',
    path: '/v1/usage-caps',
    role: 'admin',
    summary: 'Cap what may be used in a day or month',
    rules: {
      checksWhatIsCapped:
        'A cap on a tenant names nobody and one on an agent an id; tokens and runs are whole numbers; anything else is refused',
      limitsTheirNumber: 'A tenant has 1,000 caps at most, one more is a conflict; of several about a call each counts',
      countsFromNowOn: 'It counts what is used after it was made, from the current period on',
      capsEachOfItsOwn:
        'Without a subject each key, user, agent, provider or model has the amount of its own; a cap that names one counts in its place',
      refusesBeyond:
        'Once its amount is used a hard cap refuses model calls before they are made, 429, until the period renews, and says when that is',
      reserves:
        'What a call may use is reserved before it is made and settled when it ends: of calls that begin at once at most one carries over the amount, on however many replicas',
      tellsHeldFromSpent:
        'While the rest of an amount is only reserved by calls under way, a call is refused as worth repeating, with the wait',
      softCapsOnlyTell: 'A soft cap refuses nothing',
      tellsAtHalfMostAndAll:
        'When 50, 80 and 100 % are used, an event tells of it, once for each in a period; admins who are connected get it as usage.cap.reached',
      refusesUnknownPrices:
        'A hard cap on costs counts a model without a price at the assumed price of the configuration, or refuses it, 412, as `unknown_prices` says',
      failsClosed: 'While what is used cannot be read or reserved, calls under hard caps are refused, 503',
      settlesWhatLeaked:
        'A reservation whose process died is counted as used once its time is over, as the call may have been made',
      countsBackgroundWork:
        'Schedules, titles, summaries, summoning and extraction are counted like conversations, but are no runs unless a turn is; embeddings are not counted',
      hearsOfIt,
      isAudited: 'It is an event and an entry of the audit log, usage_cap.created',
    },
    body: usageCapBody,
    response: { 201: usageCap },
    errors: [409],
  },
  getUsageCapUtilization: {
    method: 'GET',
    path: '/v1/usage-caps/utilization',
    role: 'admin',
    summary: 'What of the caps is used in the current day and month',
    rules: {
      showsWhatIsEnforced:
        'The numbers are those by which calls are refused: what ended calls used, and what calls under way have reserved',
      listsSubjectsThatUsed:
        'One entry for each subject that used something in the current period, the fullest first; a cap on one subject is there in any case',
      filters: '`cap_id` and `subject` narrow the list; what cannot be read filters nothing',
    },
    query: z.object(utilizationPage),
    response: { 200: z.object({ utilization: z.array(capUtilization), total: count, limit: count, offset: count }) },
    errors: [],
  },
  getUsageCap: {
    method: 'GET',
    path: '/v1/usage-caps/{id}',
    role: 'admin',
    summary: 'One usage cap',
    rules: { isOfTheTenant },
    params: idParams,
    response: { 200: usageCap },
    errors: [400, 404],
  },
  updateUsageCap: {
    method: 'PATCH',
    path: '/v1/usage-caps/{id}',
    role: 'admin',
    summary: 'Change the amount of a cap, what it does, or whether it is on',
    rules: {
      isOfTheTenant,
      keepsWhatIsUsed: 'What was used in the period stays counted; without any change the cap is answered as it is',
      hearsOfIt,
      isAudited: 'It is an event and an entry of the audit log, usage_cap.updated',
    },
    params: idParams,
    body: usageCapChanges,
    response: { 200: usageCap },
    errors: [404],
  },
  deleteUsageCap: {
    method: 'DELETE',
    path: '/v1/usage-caps/{id}',
    role: 'admin',
    summary: 'Delete a usage cap and what it counted',
    rules: {
      isOfTheTenant,
      hearsOfIt,
      isAudited: 'It is an event and an entry of the audit log, usage_cap.deleted',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
