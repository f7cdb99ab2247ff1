/** Lets an agent do something at set times. */
import { cutText } from '@clawmesh/chassis'
import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'
import { inBrief, says, type ToolResult } from '../tool/tool.ts'
import { needed } from './needed.ts'

const shownMessageChars = 300

const schedule = z.object({
  kind: z.enum(['at', 'every', 'cron']).describe('once at a time, every so often, or by a cron expression'),
  at: z.iso.datetime({ offset: true }).optional().describe('For at: when, as 2026-11-28T09:00:00+01:00'),
  atMs: z.number().int().optional().describe('For at, in place of `at`: when, in milliseconds since 1970'),
  everyMs: z.number().int().min(60_000).optional().describe('For every: milliseconds between two runs, at least 60000'),
  expr: z.string().max(100).optional().describe('For cron: five fields, as 0 9 * * 1-5'),
  tz: z.string().max(50).optional().describe('For cron: the IANA time zone of the expression'),
})

const fields = {
  name: z.string().max(255).describe('Lower-case letters, digits and hyphens'),
  schedule,
  message: z.string().max(100_000).describe('What is to be done then, to be understood without this conversation'),
  deliver: z.boolean().optional().describe('Whether the answer is sent to a chat'),
  deliverChannel: z.string().max(100).optional().describe('Name of the channel that it is sent through'),
  deliverTo: z.string().max(255).optional().describe('Chat on that channel'),
  wakeHeartbeat: z.boolean().optional().describe('Whether your heartbeat runs afterwards'),
}

const job = z.object(fields)
const patch = job.extend({ enabled: z.boolean() }).partial()

type Asked = z.output<typeof parameters>

const parameters = z.object({
  action: z.enum(['status', 'list', 'add', 'update', 'remove', 'run', 'runs']),
  job: job.optional().describe('For add'),
  patch: inBrief(patch.optional(), 'For update: those fields of a job that change, and enabled'),
  jobId: z.string().max(100).optional().describe('For update, remove and run; for status and runs where one is meant'),
  id: z.string().max(100).optional().describe('Another name of jobId'),
  includeDisabled: z.boolean().default(false).describe('For list: also jobs that are switched off'),
  runMode: z.enum(['due', 'force']).default('due').describe('For run'),
  limit: z.number().int().min(1).max(50).default(20).describe('For runs'),
})

const idOf = ({ jobId, id }: Asked): string | undefined => jobId ?? id

const inMs = <S extends z.output<typeof schedule>>({ at, ...rest }: S) => ({
  ...rest,
  ...(at === undefined ? {} : { atMs: Date.parse(at) }),
})
const translated = <F extends Partial<z.output<typeof patch>>>({ schedule: when, ...rest }: F) => ({
  ...rest,
  ...(when === undefined ? {} : { schedule: inMs(when) }),
})

/** What each action asks for: a method of the contract, and its params. */
const operations: Record<Asked['action'], (asked: Asked) => [operation: string, params: object]> = {
  status: (asked) => ['cron.status', { jobId: idOf(asked) }],
  list: ({ includeDisabled }) => ['cron.list', { includeDisabled }],
  add: (asked) => ['cron.create', translated(needed(asked.job, 'add', 'job'))],
  update: (asked) => [
    'cron.update',
    { jobId: needed(idOf(asked), 'update', 'jobId'), patch: translated(needed(asked.patch, 'update', 'patch')) },
  ],
  remove: (asked) => ['cron.delete', { jobId: needed(idOf(asked), 'remove', 'jobId') }],
  run: (asked) => ['cron.run', { jobId: needed(idOf(asked), 'run', 'jobId'), mode: asked.runMode }],
  runs: (asked) => ['cron.runs', { jobId: idOf(asked), limit: asked.limit }],
}

const time = z.number().transform((ms) => new Date(ms).toISOString())
/** Of a job what helps the model; of texts their beginning. */
const shownJob = z
  .object({
    id: z.string(),
    name: z.string(),
    enabled: z.boolean(),
    schedule: z.record(z.string(), z.unknown()),
    payload: z.object({ message: z.string() }),
    state: z.object({ nextRunAtMs: time, lastRunAtMs: time, lastStatus: z.string(), lastError: z.string() }).partial(),
  })
  .transform(({ payload, state: { nextRunAtMs: nextRunAt, lastRunAtMs: lastRunAt, ...state }, ...rest }) => ({
    ...rest,
    message: cutText(payload.message, shownMessageChars),
    nextRunAt,
    lastRunAt,
    ...state,
  }))
const shownRun = z
  .object({
    ts: time,
    jobId: z.string(),
    status: z.string(),
    error: z.string().optional(),
    summary: z.string().optional(),
  })
  .transform(({ ts: ranAt, summary, ...run }) => ({
    ranAt,
    ...run,
    ...(summary === undefined ? {} : { summary: cutText(summary, shownMessageChars) }),
  }))
const shown = z.union([
  z.object({ jobs: z.array(shownJob) }),
  z.object({ job: shownJob }),
  z.object({ entries: z.array(shownRun), total: z.number() }),
  shownJob,
  z.record(z.string(), z.unknown()),
])

export const cron = defineTool({
  name: 'cron',
  displayName: 'Schedule jobs',
  category: 'scheduling',
  groups: ['automation'],
  needs: ['schedules'],
  configHint: 'Config → Cron',
  description:
    'Do something later or again and again: each job is a turn of yours with its message, in a session of its own. You see and change your own jobs for this user only.',
  parameters,
  run: async (asked, { schedules }): Promise<ToolResult> => {
    const result = await schedules.manage(...operations[asked.action](asked))
    return says(JSON.stringify(shown.parse(result)))
  },
})
