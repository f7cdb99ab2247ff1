import { z } from 'zod'
import { page, timestamp as time, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const longestText = 100_000
const hours = z.string().max(5).describe('HH:MM; empty clears')

const heartbeat = z
  .object({
    id: uuid,
    agentId: uuid,
    enabled: z.boolean(),
    intervalSec: z.number().int(),
    prompt: z.string().optional(),
    providerName: z.string().optional(),
    model: z.string().optional(),
    isolatedSession: z.boolean(),
    lightContext: z.boolean(),
    ackMaxChars: z.number().int(),
    maxRetries: z.number().int(),
    activeHoursStart: z.string().optional(),
    activeHoursEnd: z.string().optional(),
    timezone: z.string(),
    channel: z.string().optional(),
    chatId: z.string().optional(),
    nextRunAt: time.optional(),
    lastRunAt: time.optional(),
    lastStatus: z.string().optional(),
    lastError: z.string().optional(),
    runCount: z.number().int(),
    suppressCount: z.number().int(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Heartbeat', description: 'How often an agent looks after its checklist by itself' })

const heartbeatLog = z
  .object({
    id: uuid,
    heartbeatId: uuid,
    agentId: uuid,
    status: z.enum(['ok', 'suppressed', 'error', 'skipped']),
    summary: z.string().optional().describe('What the agent answered, at most 500 characters'),
    error: z.string().optional(),
    durationMs: z.number().int(),
    inputTokens: z.number().int(),
    outputTokens: z.number().int(),
    skipReason: z.enum(['active_hours', 'queue_busy', 'empty_checklist']).optional(),
    ranAt: time,
    createdAt: time,
  })
  .meta({ id: 'HeartbeatLog', description: 'What came of one heartbeat' })

const agentId = z.string().min(1).max(100).describe('Id or key of the agent')
const needsAccess = 'An agent that is not there is answered NOT_FOUND, one that the caller may not use UNAUTHORIZED'
const needsOwnership =
  'An agent that is not there is answered NOT_FOUND, as one that was never configured is where settings are needed'

export const heartbeats = defineWsTable('agents', {
  'heartbeat.get': {
    role: 'viewer',
    summary: 'The heartbeat of an agent',
    rules: { isNullBefore: 'It is null until it is set for the first time', needsAccess },
    params: z.object({ agentId }),
    result: z.object({ heartbeat: heartbeat.nullable() }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.set': {
    role: 'admin',
    summary: 'Create or change the heartbeat of an agent',
    rules: {
      beginsWithDefaults:
        'A new one is switched off and runs every 1,800 seconds in a session of its own, with 300 characters and two retries',
      changesWhatIsGiven: 'What is not given stays as it is; an empty provider, model or time is none',
      spreadsTheFirstRun:
        'Switched on it runs for the first time after its interval and up to a tenth of it more, always as much for the same agent',
      checksTheHours:
        'Hours that are none, one without the other, two that are the same, and a zone that is none are refused; an interval is at least 300 seconds',
      runsInActiveHours:
        'It runs from the first of its hours until before the second, as clocks in its zone show them, over midnight too, and at any time without hours; else it is skipped with `active_hours`',
      skipsEmptyChecklists:
        'Without a text in HEARTBEAT.md it is skipped with `empty_checklist`, and no model is asked',
      waitsForAQuietAgent:
        'While another turn of the agent is on it is skipped with `queue_busy`, and comes soon afterwards',
      carriesTheChecklist:
        'The turn has the checklist and the rule to answer HEARTBEAT_OK where there is nothing to say, and the prompt, provider and model that are set',
      keepsQuiet:
        'An answer with HEARTBEAT_OK in it is suppressed; any other is sent to channel and chat where both are set',
      actsForItsUser:
        'The turn is made for whoever has set it, or for the owner of the agent where a system owner has, with no more rights than an operator; who may use the agent no more is not acted for',
      triesAgain: 'A turn that failed is tried again, with pauses that double',
      forgetsItsSession: 'Of a session of its own nothing is left afterwards',
      leavesFilesOut: 'With `lightContext` no context files stand in the prompt',
      isAudited: 'It is an entry of the audit log',
      needsOwnership,
    },
    params: z.object({
      agentId,
      enabled: z.boolean().optional(),
      intervalSec: z.number().int().min(300).max(31_536_000).optional(),
      prompt: z.string().max(longestText).optional(),
      providerName: z.string().max(50).optional(),
      model: z.string().max(200).optional(),
      isolatedSession: z.boolean().optional(),
      lightContext: z.boolean().optional(),
      ackMaxChars: z.number().int().min(0).max(100_000).optional(),
      maxRetries: z.number().int().min(0).max(10).optional(),
      activeHoursStart: hours.optional(),
      activeHoursEnd: hours.optional(),
      timezone: z.string().max(50).optional(),
      channel: z.string().max(100).optional(),
      chatId: z.string().max(255).optional(),
    }),
    aliases: { intervalSec: ['interval'] },
    result: z.object({ heartbeat }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.toggle': {
    role: 'admin',
    summary: 'Switch the heartbeat of an agent on or off',
    rules: {
      movesTheNextRun: 'Switched off it has no next run, switched on it has one from now on',
      isAudited: 'It is an entry of the audit log',
      needsOwnership,
    },
    params: z.object({ agentId, enabled: z.boolean() }),
    result: z.object({ agentId: uuid, enabled: z.boolean() }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.test': {
    role: 'admin',
    summary: 'Run the heartbeat of an agent at once',
    rules: {
      isTraced: 'The trace of a run is called `Heartbeat [<agent key>]`',
      runsAtOnce:
        'The answer comes before the run, which is on whatever the hours and also where the heartbeat is switched off; the next run stays when it was, and events `heartbeat` tell of it',
      isAudited: 'It is an entry of the audit log',
      needsOwnership,
    },
    params: z.object({ agentId }),
    result: z.object({ ok: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.logs': {
    role: 'viewer',
    summary: 'What came of heartbeats, newest first',
    rules: { listsNewestFirst: 'The newest comes first, in pages of at most 200; `total` counts all', needsAccess },
    params: z.object({ agentId, ...page(20, 200) }),
    result: z.object({ logs: z.array(heartbeatLog), total: z.number().int() }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.checklist.get': {
    role: 'viewer',
    summary: 'The text of HEARTBEAT.md',
    rules: { isEmptyBefore: 'It is empty where there is none', needsAccess },
    params: z.object({ agentId }),
    result: z.object({ content: z.string() }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.checklist.set': {
    role: 'admin',
    summary: 'Replace HEARTBEAT.md',
    rules: {
      countsCharacters: '`length` is that of the text in characters',
      isAudited: 'It is an entry of the audit log, without the text',
      needsOwnership,
    },
    params: z.object({ agentId, content: z.string().max(longestText) }),
    aliases: { content: ['data'] },
    result: z.object({ ok: z.literal(true), length: z.number().int() }),
    errors: ['NOT_FOUND'],
  },
  'heartbeat.targets': {
    role: 'viewer',
    summary: 'Groups that answers can be sent to',
    rules: {
      listsGroups:
        'They are the groups and topics of the tenant that agents have talked in, each once, in the order of their channels and titles',
    },
    params: z.object({ agentId: z.string().max(100) }),
    result: z.object({
      targets: z.array(
        z.object({
          channel: z.string(),
          chatId: z.string(),
          title: z.string().optional(),
          kind: z.enum(['dm', 'group', 'topic']),
        }),
      ),
    }),
    errors: [],
  },
})
