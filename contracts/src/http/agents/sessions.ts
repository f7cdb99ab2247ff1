import { z } from 'zod'
import { json, okBool, page, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

/** Numbers of messages are below it. */
const maxWindow = 2_147_483_647

const mediaRef = z.object({
  id: z.string(),
  mime_type: z.string(),
  kind: z.enum(['image', 'video', 'audio', 'document']),
  path: z.string().describe('A signed link'),
})

/** A message as it is shown, over HTTP and WebSocket. */
export const sessionMessage = z
  .object({
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    content: z.string(),
    thinking: z.string().optional(),
    media_refs: z.array(mediaRef).optional().describe('Files that go with it'),
    tool_calls: z
      .array(z.object({ id: z.string(), name: z.string(), arguments: json, parse_error: z.string().optional() }))
      .optional(),
    tool_call_id: z.string().optional(),
    is_error: z.boolean().optional(),
    partial: z.boolean().optional().describe('An answer that was cut short, as far as it was shown'),
    seq: z.number().int().optional().describe('Its number in the session, from 0'),
    created_at: timestamp.optional(),
  })
  .meta({ id: 'Message', description: 'One message of a session' })

const compactionError = z
  .string()
  .optional()
  .describe('Why the older messages could not be summarised; absent while they could, or need not be')

export const sessionListItem = z.object({
  key: z.string(),
  messageCount: z.number().int(),
  created: timestamp,
  updated: timestamp,
  label: z.string().optional(),
  channel: z.string().optional(),
  userID: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  model: z.string().optional(),
  provider: z.string().optional(),
  inputTokens: z.number().int().optional(),
  outputTokens: z.number().int().optional(),
  agentName: z.string().optional(),
  estimatedTokens: z.number().int().optional(),
  contextWindow: z.number().int().optional(),
  compactionCount: z.number().int().optional(),
  compactionError,
})

const sessionSummary = sessionListItem
  .extend({
    session_key: z.string(),
    agent_id: z.string().optional(),
    user_id: z.string().optional(),
    message_count: z.number().int(),
    input_tokens: z.number().int().optional(),
    output_tokens: z.number().int().optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'SessionSummary', description: 'A chat session without its messages; fields of both naming styles' })

const sessionDetail = z
  .object({
    key: z.string(),
    messages: z.array(sessionMessage),
    total: z.number().int().optional().describe('Messages of the whole session'),
    summary: z.string(),
    created: timestamp,
    updated: timestamp,
    agentUUID: uuid,
    userID: z.string().optional(),
    model: z.string().optional(),
    provider: z.string().optional(),
    channel: z.string().optional(),
    inputTokens: z.number().int().optional(),
    outputTokens: z.number().int().optional(),
    compactionCount: z.number().int().optional(),
    compactionError,
    label: z.string().optional(),
    spawnedBy: z.string().optional(),
    spawnDepth: z.number().int().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
  })
  .meta({ id: 'SessionDetail', description: 'A chat session with its messages' })

/** Of what is said of a session at once. */
export const boundsTheAnswer =
  'An answer has at most 16 MiB of messages, and one at least: the newest of those asked for; `before` asks for the ones before'

/** A part of a conversation; all of it where nothing is said. */
export const messageWindow = z.object({
  limit: z.coerce.number().int().min(1).max(maxWindow).optional().describe('The newest so many'),
  offset: z.coerce.number().int().min(0).max(maxWindow).catch(0).default(0).describe('Newest messages to skip'),
  before: z.coerce.number().int().min(0).max(maxWindow).optional().describe('Only messages before this seq'),
})

const sessionParams = z.object({ key: z.string().min(1).max(500).describe('Key of the session') })

export const branch = z.object({
  seq: z.number().int().min(0).max(maxWindow).optional().describe('The last message that is taken along'),
  newKey: z.string().min(1).max(500).optional().describe('Key of the new session'),
})
export const branched = z.object({ ok: z.literal(true), key: z.string(), messageCount: z.number().int() })
export const sessionChanges = z.object({
  label: z.string().max(500).optional(),
  model: z.string().max(200).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
})

export const sessions = defineHttpTable('agents', {
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    role: 'viewer',
    summary: 'Chat sessions, most recently updated first',
    rules: {
      showsOwnOnly:
        'Admins see all sessions of the tenant, and may filter by user; others see their own, and need a user id',
      filters: '`agent_id` (id or key, also `agentId`) and `channel` narrow the list; an unknown agent has no sessions',
      capsThePage:
        'A limit above 500 is 500; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
      countsAllMatches: '`total` ignores the page; the most recently updated session comes first',
      namesFieldsTwice: 'Entries carry their fields in both naming styles',
      estimatesTokens:
        '`estimatedTokens` is a quarter of the bytes of the messages and 12000; `contextWindow` is that of the agent',
    },
    query: z.object({
      agentId: z.string().max(100).optional().describe('Alias of agent_id'),
      // Behind its alias, as it wins where both are given.
      agent_id: z.string().max(100).optional().describe('Only sessions with this agent, id or key'),
      channel: z.string().max(50).optional().describe('Only sessions on this channel'),
      user_id: userId.optional().describe('Only for callers that see all'),
      ...page(20, 500),
    }),
    response: {
      200: z.object({
        sessions: z.array(sessionSummary),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [400],
  },
  getSession: {
    method: 'GET',
    path: '/v1/sessions/{key}',
    role: 'viewer',
    summary: 'One session with its messages and running summary',
    rules: {
      hidesOthers: "A missing session is answered 404, somebody else's 403; admins see all of their tenant",
      answersMessages: 'The answer has key, messages and summary, and the attributes of the session',
      keepsToolSteps: 'Tool calls, tool results and thinking stand in their messages',
      showsWindows:
        'All messages come, oldest first; `limit` gives the newest so many, `offset` skips the newest, `before` looks only at messages before that `seq`, and `total` counts all',
      boundsTheAnswer,
    },
    params: sessionParams,
    query: messageWindow,
    response: { 200: sessionDetail },
    errors: [400, 404],
  },
  patchSession: {
    method: 'PATCH',
    path: '/v1/sessions/{key}',
    role: 'operator',
    summary: 'Change label, model or metadata of a session',
    rules: {
      hidesOthers: "A missing session is answered 404, somebody else's 403; admins may change all of their tenant",
      setsWhatIsNamed: 'Label and model change where given; an empty label clears it, an empty model is ignored',
      mergesMetadata: 'Metadata is merged key by key and never deletes one; values are strings',
      givesWayToRuns: 'The model is informational: the next run writes the one that has answered',
      isAudited: 'The change is stored at once, an event and an entry of the audit log, session.patched',
    },
    params: sessionParams,
    body: sessionChanges,
    response: { 200: z.object({ ok: z.literal(true), key: z.string() }) },
    errors: [400, 404],
  },
  resetSession: {
    method: 'POST',
    path: '/v1/sessions/{key}/reset',
    role: 'operator',
    summary: "Clear a session's messages and summary",
    rules: {
      emptiesTheConversation: 'Messages and summary go; label, metadata and counters stay',
      endsItsRun: 'A run that is on in the session is cancelled first: nothing of it comes after the reset',
      hidesOthers: "A missing session is answered 404, somebody else's 403",
      isAudited: 'It is stored at once, an event and an entry of the audit log, session.reset',
    },
    params: sessionParams,
    response: { 200: okBool },
    errors: [404],
  },
  deleteSession: {
    method: 'DELETE',
    path: '/v1/sessions/{key}',
    role: 'operator',
    summary: 'Delete a session',
    rules: {
      removesTheSession: 'The session is gone with its messages',
      removesItsMedia: 'Files that were attached to its messages, and are kept with it, are deleted soon after',
      hidesOthers:
        "A missing session is answered 404, somebody else's 403; for those who see all sessions, a missing one is fine",
      endsItsRun: 'A run that is on in the session is cancelled first, wherever it is worked on',
      isAudited: 'It is an event and an entry of the audit log, session.deleted',
    },
    params: sessionParams,
    response: { 200: okBool },
    errors: [404],
  },
  branchSession: {
    method: 'POST',
    path: '/v1/sessions/{key}/branch',
    role: 'operator',
    summary: 'Begin another session with the messages of this one',
    rules: {
      copiesTheConversation:
        'The new session has the messages up to `seq`, or all, with summary, label and metadata; both go on apart, counters begin anew',
      namesTheBranch:
        'Its key is `newKey`, one that exists already is answered 409; or a new `agent:<key>:ws:direct:<id>`',
      hidesOthers:
        "A missing session is answered 404, somebody else's 403; the branch belongs to the user of the session",
      isAudited: 'It is an event and an entry of the audit log, session.branched',
    },
    params: sessionParams,
    body: branch,
    response: { 201: branched },
    errors: [400, 404, 409],
  },
})
