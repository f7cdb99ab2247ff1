import { z } from 'zod'
import { epochMs, page, slugPattern, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const longestText = 100_000

export const cronSchedule = z.object({
  kind: z.enum(['at', 'every', 'cron']),
  atMs: epochMs.optional().describe('For `at`: when'),
  everyMs: z.number().int().min(1).optional().describe('For `every`: the time between two runs'),
  expr: z.string().max(100).optional().describe('For `cron`: five fields'),
  tz: z.string().max(50).optional().describe('For `cron`: the IANA zone that the fields are in'),
})
const schedule = z.union([cronSchedule, z.string().max(100)]).describe('A text is a cron expression')

const cronJob = z
  .object({
    id: uuid,
    tenantId: uuid,
    name: z.string(),
    agentId: uuid.optional(),
    userId: z.string(),
    enabled: z.boolean(),
    schedule: cronSchedule,
    payload: z.object({ kind: z.literal('agent_turn'), message: z.string() }),
    state: z.object({
      nextRunAtMs: epochMs.optional(),
      lastRunAtMs: epochMs.optional(),
      lastStatus: z.enum(['ok', 'error', 'running', 'interrupted']).optional(),
      lastError: z.string().optional(),
    }),
    createdAtMs: epochMs,
    updatedAtMs: epochMs,
    deleteAfterRun: z.boolean(),
    stateless: z.boolean(),
    deliver: z.boolean(),
    deliverChannel: z.string(),
    deliverTo: z.string(),
    wakeHeartbeat: z.boolean(),
  })
  .meta({ id: 'CronJob', description: 'Work that an agent does at set times' })

const cronRun = z
  .object({
    ts: epochMs.describe('When it began'),
    jobId: uuid,
    status: z.enum(['ok', 'error']),
    error: z.string().optional(),
    summary: z.string().optional().describe('What the agent answered, at most 16 KiB'),
    durationMs: z.number().int(),
    inputTokens: z.number().int(),
    outputTokens: z.number().int(),
  })
  .meta({ id: 'CronRun', description: 'What came of one run of a job' })

const cronStatus = z.object({
  enabled: z.boolean().describe('Whether due jobs are looked for'),
  jobs: z.number().int().describe("The tenant's jobs that are switched on"),
})

const name = z.string().min(1).max(255).regex(slugPattern)
const message = z.string().max(longestText)
const agentId = z.string().max(100).describe('Id or key; the default agent where it is empty')
const deliverChannel = z.string().max(100).describe('Name of a channel instance')
const deliverTo = z.string().max(255).describe('Chat on that channel')
const patch = z.object({
  name: name.optional(),
  agentId: agentId.optional(),
  enabled: z.boolean().optional(),
  schedule: schedule.optional(),
  message: message.optional(),
  deleteAfterRun: z.boolean().optional(),
  stateless: z.boolean().optional(),
  deliver: z.boolean().optional(),
  deliverChannel: deliverChannel.optional(),
  deliverTo: deliverTo.optional(),
  wakeHeartbeat: z.boolean().optional(),
})
const jobId = uuid.describe('Id of the job')
const aliases = { jobId: ['id'] } as const
const hidesOthers =
  'Who does not see all of the tenant is answered UNAUTHORIZED for a job of another user, and for one that is not there; others NOT_FOUND'
const isAudited = 'It is an entry of the audit log, without the message'

const listsRuns = {
  role: 'viewer',
  params: z.object({ jobId: jobId.optional(), ...page(20, 200) }),
  aliases,
  result: z.object({ entries: z.array(cronRun), total: z.number().int() }),
  errors: [],
} as const

export const cron = defineWsTable('agents', {
  'cron.list': {
    role: 'viewer',
    summary: 'Jobs that run at set times, newest first',
    rules: {
      listsNewestFirst: 'The newest comes first; those that are switched off only with `includeDisabled`',
      showsOwnJobs: 'Admins see all jobs of the tenant, others their own',
      narrowsToAnAgent: '`agentId` keeps the jobs of this agent',
    },
    params: z.object({ includeDisabled: z.boolean().default(false), agentId: z.string().max(100).optional() }),
    result: z.object({ jobs: z.array(cronJob), status: cronStatus }),
    errors: [],
  },
  'cron.create': {
    role: 'operator',
    summary: 'Let an agent do something at set times',
    rules: {
      belongsToTheCaller: 'The job is of the user of the connection',
      actsForItsUser:
        'Its turns are made for that user, with no more rights than an operator; who may use the agent no more is not acted for',
      checksTheSchedule:
        'An expression or a zone that is none, `every` without a time, and what would never run are refused; where no zone is given, cron jobs are in the default one of the installation',
      takesATextAsExpression: 'A schedule that is a text is a cron expression',
      runsAtOnceOnly: 'A job of kind `at` is deleted after its run',
      refusesUnknownAgents:
        'An agent that is not there is refused as an invalid request, one that is not for the caller UNAUTHORIZED',
      beginsOnce:
        'Each time that comes begins it once, whichever replica does it; what a process had begun when it died is interrupted, stands in the log as an error, and is not repeated',
      catchesUpOnce: 'What was missed is done once, and the next run is that of the schedule',
      triesAgain:
        'A run that failed in passing is tried again, three times unless the installation says otherwise, after pauses that double; one that cannot succeed is not',
      remembersNothing: 'A run remembers none before it, and with `stateless` leaves no session behind',
      sendsTheAnswer:
        'With `deliver` the answer goes to the chat that is named, in full, and where it cannot be sent the run is an error; the log keeps 16 KiB of it',
      wakesTheHeartbeat: 'With `wakeHeartbeat` the heartbeat of the agent, where it is on, comes right after the run',
      readsOlderNames: '`channel` and `to` are those of the delivery, and the message may stand in `payload`',
      isAudited,
    },
    params: z.object({
      name,
      schedule,
      message: message.optional(),
      payload: z.object({ message: message.optional() }).optional(),
      deliver: z.boolean().default(false),
      deliverChannel: deliverChannel.default(''),
      deliverTo: deliverTo.default(''),
      wakeHeartbeat: z.boolean().default(false),
      stateless: z.boolean().default(true),
      agentId: agentId.default(''),
    }),
    aliases: { deliverChannel: ['channel'], deliverTo: ['to'], schedule: ['cron_expression', 'expr'] },
    result: z.object({ job: cronJob }),
    errors: [],
  },
  'cron.update': {
    role: 'operator',
    summary: 'Change a job',
    rules: {
      mergesTheSchedule:
        'Of a schedule of the same kind only what is given changes, but the zone is always the one given; the next run follows from it',
      refusesWhatNeverRuns: 'A job that is switched on and would never run is refused, and stays as it was',
      takesFlatPatches: 'What is to change may stand beside `jobId` instead of in `patch`',
      clearsTheAgent: 'An empty agent makes it a job of the default one',
      hidesOthers,
      isAudited,
    },
    params: z.object({ jobId, patch: patch.optional(), ...patch.shape }),
    aliases,
    result: z.object({ job: cronJob }),
    errors: ['NOT_FOUND'],
  },
  'cron.delete': {
    role: 'operator',
    summary: 'Delete a job and its run log',
    rules: { deletesTheLog: 'The job and what is logged of its runs are gone', hidesOthers, isAudited },
    params: z.object({ jobId }),
    aliases,
    result: z.object({ deleted: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
  'cron.toggle': {
    role: 'operator',
    summary: 'Switch a job on or off',
    rules: {
      movesTheNextRun:
        'Switched off it has no next run; switched on it has one from now on, and is refused where there would be none',
      flipsWithoutAValue: 'Without `enabled` it becomes the other of the two',
      hidesOthers,
      isAudited,
    },
    params: z.object({ jobId, enabled: z.boolean().optional() }),
    aliases,
    result: z.object({ jobId, enabled: z.boolean() }),
    errors: ['NOT_FOUND'],
  },
  'cron.status': {
    role: 'viewer',
    summary: 'Whether jobs are run, or one job',
    rules: {
      countsTheTenants: "`jobs` are the tenant's that are switched on",
      showsAJob: 'With `jobId` the answer is that job',
      hidesOthers,
    },
    params: z.object({ jobId: jobId.optional() }),
    aliases,
    result: z.union([cronJob, cronStatus]),
    errors: ['NOT_FOUND'],
  },
  'cron.run': {
    role: 'operator',
    summary: 'Run a job now, in the background',
    rules: {
      answersBeforeItRuns: 'The answer comes before the run, whose begin and end are events `cron`',
      runsOnce: 'A job that runs already is not begun a second time, and one that is switched off runs as well',
      isTraced: 'The trace of a run is called `Cron [<job>] - <agent key>` and has the tag `cron`',
      keepsTheSchedule: 'The next run stays when it was',
      hidesOthers: 'A job that is not there is refused as an invalid request, that of another user UNAUTHORIZED',
      isAudited,
    },
    params: z.object({ jobId, mode: z.enum(['due', 'force']).default('due') }),
    aliases,
    result: z.object({ ok: z.literal(true), ran: z.literal(true) }),
    errors: [],
  },
  'cron.runs': {
    ...listsRuns,
    summary: 'What came of runs, newest first',
    rules: {
      listsNewestFirst: 'The newest comes first, in pages of at most 200; `total` counts all',
      showsOwnJobs: 'Without `jobId` they are those of all jobs that the caller sees, and of others there are none',
    },
  },
  'cron.logs': {
    ...listsRuns,
    summary: 'Another name of cron.runs',
    rules: { isTheSame: 'It answers what `cron.runs` does' },
  },
})
