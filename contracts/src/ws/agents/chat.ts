import { z } from 'zod'
import { boundsTheAnswer, messageWindow, sessionMessage } from '../../http/agents/sessions.ts'
import { uuid } from '../../http/common.ts'
import { agentEvent, mediaResult } from '../agent-event.ts'
import { defineWsTable } from '../method.ts'

const agentId = z.string().max(100).optional().describe('Id or key of an agent')
const sessionKey = z.string().min(1).max(500)
const agentAliases = ['agent_key']

const media = z.union([
  z.string().max(2_000_000),
  z.object({ path: z.string().max(2_000), filename: z.string().max(255).optional() }),
  z.object({ url: z.string().max(2_000_000), type: z.string().max(100).optional() }),
])

/** Tokens of a turn, as WebSocket clients are told them. */
const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cache_creation_input_tokens: z.int().optional(),
  cache_read_input_tokens: z.int().optional(),
  thinking_tokens: z.int().optional(),
})

export const chat = defineWsTable('agents', {
  'chat.send': {
    role: 'operator',
    summary: 'Send a message to an agent. The answer comes when the run ends; its events flow meanwhile',
    rules: {
      answersWithTheRun:
        'The result has run id, content, usage and the session key; without a session key the conversation is a new one, `agent:<key>:ws:direct:<id>`',
      findsTheAgent:
        'The agent is the named one, else that of the session key, else `default`; one that is unknown or inactive is NOT_FOUND',
      streamsToWhoMaySee:
        'Events `agent` go to every connection of the user of the session and to admins, from run.started to run.completed, run.failed or run.cancelled; the last comes before the answer',
      chunksAsTheyCome: 'With `stream` text comes in deltas as the model says it, without it once for each model call',
      sendsTwins:
        'A connection that did not connect with protocolVersion 3 also gets the events of the runs that it has asked for under their older names; every end is a `run.completed` among them',
      numbersEvents: 'Every event of a run has its number in it, `seq`, from 1 without a gap',
      announcesSteps:
        'Each model call is announced by an activity `thinking`; text before calls is a `block.reply`, then come an activity `tool_exec`, a `tool.call` for every call and a `tool.result` for each as it ends',
      announcesSlowTools:
        'A tool that runs for longer than two minutes, and than twice the longest of at least three calls, is told of by an activity `tool_slow`',
      trimsToolEvents:
        'Arguments of calls are shown with texts cut to 500 characters and results to 1,000, both without credentials',
      titlesSessions:
        'After the first turn a session without a label gets one of at most 100 characters from the model, and session.updated tells of it; a label is never replaced',
      tellsOfTheTrace:
        'Once the trace of the run is stored, connections of its user and of admins get `trace.updated` with its id',
      requiresAUser: 'A connection without a user id is answered INVALID_REQUEST',
      takesNoEmptyMessage: 'An empty message without media is answered INVALID_REQUEST',
      outlivesTheConnection: 'The run goes on when the connection is gone, and the history has what came of it',
      hidesOthers: "Somebody else's session is answered UNAUTHORIZED; admins may use all of their tenant",
      meetsPeople:
        "In the first three turns with somebody the agent is told to get to know them and to write that down, in that user's own copies of its files; until then an open agent has no tool but write_file. Without write_file there is no first meeting",
      remindsOfTheName: 'While USER.md of a user has no name, the agent is reminded to write it once it is known',
      serialisesDevices:
        'Two connections of one user in one session lose nothing: what is said at once is answered, or becomes part of the run of the other, and every text is stored once',
      sendsFiles:
        'Files that tools have made for the answer, or that it names in lines `MEDIA:<path>`, each once, are `media` of the answer and of run.completed, and `media_refs` of the message; lines that name them are not shown. An answer names none outside the workspace of its agent',
      signsLinks:
        'Links to files, `/v1/files/...` and `/v1/media/...`, are signed for whoever is shown them, for five minutes, in answers, histories and the events of runs; they are stored without signatures',
      injectsWhenBusy:
        'While a run is on in the session the message goes into it: it is answered `injected` at once, stored as it is, and shown to the model after the tool calls of the moment, or before the run would end, which then goes on',
      waitsWhenFull: 'At most five messages wait in a run; the next one has a turn of its own after it',
      isCancelledByAbort: 'A run that is aborted is answered `cancelled`',
      tagsMedia:
        'Images, inline, at URLs that a fetch may go to, or by the path of an upload or an address of ours that the caller may read, are shown to the model, with a tag for each before the text; other paths are refused, and anything but images at URLs',
      keepsAttachments:
        'Files that are named by the path of an upload or an address of ours are kept with the session, where tools read them, and are `media_refs` of the message; audio, videos and documents have tags of their own before the text',
      followsTheSetting:
        'The setting CLAWMESH_QUEUE_MODE has a message to a busy session wait for its turn (`queue`) or end the run that is on (`interrupt`) instead of going into it (`followup`)',
      boundsTheQueue:
        'At most CLAWMESH_QUEUE_CAP messages of a session wait for their turn; beyond it the new one is answered RESOURCE_EXHAUSTED, or the oldest, as CLAWMESH_QUEUE_DROP says',
      joinsWhatComesTogether:
        'Texts of one user that wait in a session, each within CLAWMESH_QUEUE_DEBOUNCE_MS after the one before, have one turn; those behind the first are answered `injected` with its run',
      waitsForItsLane:
        'A replica works on CLAWMESH_LANE_MAIN turns of conversations at once, and on as many of subagents, teams and schedules as their settings say; what waits goes by turns of the tenants',
      refusesWhileLeaving: 'What still waits in a replica that is leaving is answered UNAVAILABLE',
    },
    params: z.object({
      message: z.string(),
      agentId,
      sessionKey: sessionKey.optional(),
      stream: z.boolean().default(false),
      media: z.array(media).max(20).optional(),
    }),
    aliases: { agentId: agentAliases },
    result: z.union([
      z.object({
        runId: z.string(),
        content: z.string(),
        usage,
        media: z.array(mediaResult).optional(),
        sessionKey: z.string(),
      }),
      z.object({ injected: z.literal(true), runId: z.string(), sessionKey: z.string() }),
      z.object({ cancelled: z.literal(true), runId: z.string(), sessionKey: z.string() }),
    ]),
    errors: [],
    startsRun: true,
    takesLong: true,
  },
  'chat.history': {
    role: 'viewer',
    summary: 'Messages of a session, oldest first',
    rules: {
      showsWhatWasShown:
        'All messages, oldest first, as they were shown: an answer that was cut short is there as far as it came, marked `partial`',
      isEmptyForUnknown: 'An unknown session, or none, has no messages',
      hidesOthers: "Somebody else's session is answered UNAUTHORIZED; admins see all of their tenant",
      showsWindows:
        '`limit` gives the newest so many, `offset` skips the newest, `before` looks only at messages before that `seq`; `total` counts all',
      boundsTheAnswer,
    },
    params: z.object({
      agentId,
      sessionKey: z.string().max(500).default(''),
      ...messageWindow.shape,
    }),
    aliases: { agentId: agentAliases, sessionKey: ['key'] },
    result: z.object({ messages: z.array(sessionMessage), total: z.int() }),
    errors: [],
  },
  'chat.session.status': {
    role: 'viewer',
    summary: 'Whether a run is on in a session, and what a client that was away missed of it',
    rules: {
      tellsTheRun: 'While a run is on, on whatever channel, it is told with its id and what it is at; else it is idle',
      resumesTheTurn:
        'With `after`, the `seq` of the last event seen (0 for none), the events of the run since then come too, from whichever replica works on it; those that follow come as events, and a gap in `seq` is closed by asking again',
      hidesOthers: "Somebody else's session is answered UNAUTHORIZED; an unknown one is idle",
    },
    params: z.object({ sessionKey, after: z.coerce.number().int().min(0).optional() }),
    result: z.object({
      isRunning: z.boolean(),
      running: z.boolean(),
      runId: z.string(),
      activity: z.object({ phase: z.string(), iteration: z.int().optional(), tool: z.string().optional() }).nullable(),
      events: z
        .array(z.looseObject(agentEvent.shape))
        .optional()
        .describe('Payloads of the missed events `agent`, in order'),
    }),
    errors: [],
  },
  'chat.abort': {
    role: 'operator',
    summary: 'Cancel a run, the run of a session, or all own runs of an agent',
    rules: {
      abortsOnAnyReplica: 'The run ends wherever it is worked on; the answer names the runs that were ended',
      keepsWhatWasShown: 'What was shown of its answer is kept as a partial one, and the session goes on',
      matchesBoth: 'With run id and session key, only a run that is in that session ends',
      takesAnAgent: "With an agent alone the caller's own runs of that agent end",
      neverFailsForUnknown: 'For an unknown run or session nothing is aborted',
      hidesOthers: "Runs in somebody else's session are answered UNAUTHORIZED",
    },
    params: z
      .object({
        runId: z.string().min(1).max(100).optional(),
        sessionKey: sessionKey.optional(),
        agentId,
      })
      .refine(({ runId, sessionKey: key, agentId: agent }) => (runId ?? key ?? agent) !== undefined, {
        path: ['runId'],
        message: 'runId, sessionKey or agentId is required',
      }),
    aliases: { agentId: agentAliases },
    result: z.object({ ok: z.literal(true), aborted: z.boolean(), runIds: z.array(z.string()) }),
    errors: [],
  },
  'chat.inject': {
    role: 'operator',
    summary: 'Append a message to a session without running the agent',
    rules: {
      appendsAsAssistant:
        'The text is stored at once as a message of the assistant; with a label it is `[label]`, an empty line and the text, the label cut to 100 bytes',
      makesTheSession: 'A session that does not exist is made, with the agent that its key names',
      hidesOthers: "Somebody else's session is answered UNAUTHORIZED",
    },
    params: z.object({ sessionKey, message: z.string().min(1), label: z.string().optional() }),
    aliases: { message: ['text'] },
    result: z.object({ ok: z.literal(true), messageId: uuid }),
    errors: ['NOT_FOUND'],
  },
})

export const agentState = defineWsTable('agents', {
  agent: {
    role: 'viewer',
    summary: 'Whether an agent works on a run',
    rules: { tellsWhetherItRuns: 'It runs while any run of it is on, on whatever replica; unknown is NOT_FOUND' },
    params: z.object({ agentId: z.string().max(100).default('default') }),
    aliases: { agentId: agentAliases },
    result: z.object({ id: z.string(), isRunning: z.boolean() }),
    errors: ['NOT_FOUND'],
  },
  'agent.wait': {
    role: 'viewer',
    summary: 'Wait until an agent, or a session, has no run',
    rules: {
      waitsForTheEnd: 'The answer, `idle`, comes when no run of the agent, or of the session, is on any more',
      timesOut: 'After `timeout` seconds, or 600 (also for 0), the answer is AGENT_TIMEOUT',
      hidesOthers: "Somebody else's session is answered UNAUTHORIZED",
    },
    params: z.object({
      agentId,
      sessionKey: sessionKey.optional(),
      timeout: z.coerce.number().int().min(0).default(0).describe('Seconds'),
    }),
    aliases: { agentId: agentAliases },
    result: z.object({ id: z.string(), status: z.enum(['idle', 'running']) }),
    errors: ['NOT_FOUND', 'AGENT_TIMEOUT'],
    takesLong: true,
  },
  'agent.identity.get': {
    role: 'viewer',
    summary: 'Name, emoji, avatar and description of an agent',
    rules: {
      readsIdentity: 'They are the lines of IDENTITY.md; a name that it does not give is the display name',
      takesTheSessionsAgent: 'Without an agent it is that of the session key, else `default`',
      knowsNoUnknown: 'For an agent that is unknown, or not open to the caller, only its name as asked is answered',
    },
    params: z.object({ agentId, sessionKey: z.string().max(500).optional() }),
    result: z.object({
      agentId: z.string(),
      name: z.string().optional(),
      emoji: z.string().optional(),
      avatar: z.string().optional(),
      description: z.string().optional(),
    }),
    errors: [],
  },
})
