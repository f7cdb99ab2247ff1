import { z } from 'zod'
import {
  branch,
  branched,
  messageWindow,
  sessionChanges,
  sessionListItem,
  sessionMessage,
} from '../../http/agents/sessions.ts'
import { okBool, page } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const key = z.string().min(1).max(500).describe('Key of the session')
const aliases = { key: ['session_key'] }
const hidesOthers = (act: string) =>
  `A missing session is answered NOT_FOUND, somebody else's UNAUTHORIZED; admins may ${act} all of their tenant`
const saved = z.object({ ok: z.literal(true), key: z.string() })

export const sessions = defineWsTable('agents', {
  'sessions.list': {
    role: 'viewer',
    summary: 'Chat sessions, most recently updated first',
    rules: {
      showsOwnOnly: 'Admins see all sessions of the tenant; others see their own, and need a user id',
      filters:
        '`agentId` (id or key, also `agent_key`) and `channel` narrow the list; an unknown agent has no sessions',
      capsThePage: 'A limit above 200 is 200, and 20 where none is given',
      countsAllMatches: '`total` ignores the page; the most recently updated session comes first',
    },
    params: z.object({
      agentId: z.string().max(100).optional(),
      channel: z.string().max(50).optional(),
      ...page(20, 200),
    }),
    aliases: { agentId: ['agent_key'] },
    result: z.object({
      sessions: z.array(sessionListItem),
      total: z.number().int(),
      limit: z.number().int(),
      offset: z.number().int(),
    }),
    errors: [],
  },
  'sessions.preview': {
    role: 'viewer',
    summary: 'Messages and summary of a session',
    rules: {
      showsTheConversation: 'The answer has key, messages, oldest first, and summary; windows as those of chat.history',
      hidesOthers: hidesOthers('read'),
    },
    params: z.object({ key, ...messageWindow.shape }),
    aliases,
    result: z.object({ key: z.string(), messages: z.array(sessionMessage), summary: z.string(), total: z.int() }),
    errors: ['NOT_FOUND'],
  },
  'sessions.patch': {
    role: 'operator',
    summary: 'Change label, model or metadata of a session',
    rules: {
      changesAsOverHttp:
        'Label and model change where given, an empty label clears it, an empty model is ignored; metadata is merged key by key',
      tellsOthers: 'Connections of the user of the session, and of admins, get `session.updated` with key and label',
      hidesOthers: hidesOthers('change'),
    },
    params: z.object({ key, ...sessionChanges.shape }),
    aliases,
    result: saved,
    errors: ['NOT_FOUND'],
  },
  'sessions.label': {
    role: 'operator',
    summary: 'Set the label of a session',
    rules: { setsTheLabel: 'The label alone changes, an empty one clears it', hidesOthers: hidesOthers('label') },
    params: z.object({ key, label: z.string().max(500) }),
    aliases,
    result: saved,
    errors: ['NOT_FOUND'],
  },
  'sessions.reset': {
    role: 'operator',
    summary: 'Empty a session',
    rules: {
      emptiesTheConversation: 'Messages and summary go at once; label, metadata and counters stay',
      hidesOthers: hidesOthers('empty'),
    },
    params: z.object({ key }),
    aliases,
    result: okBool,
    errors: ['NOT_FOUND'],
  },
  'sessions.delete': {
    role: 'operator',
    summary: 'Delete a session',
    rules: {
      removesTheSession: 'The session is gone with its messages; a run that is on in it is cancelled first',
      removesItsMedia: 'Files that were attached to its messages, and are kept with it, are deleted soon after',
      hidesOthers: `${hidesOthers('delete')}, and for them a missing one is fine`,
    },
    params: z.object({ key }),
    aliases,
    result: okBool,
    errors: ['NOT_FOUND'],
  },
  'sessions.branch': {
    role: 'operator',
    summary: 'Begin another session with the messages of this one',
    rules: {
      copiesTheConversation: 'The new session has the messages up to `seq`, or all; both go on apart',
      hidesOthers: hidesOthers('branch'),
    },
    params: z.object({ key, ...branch.shape }),
    aliases,
    result: branched,
    errors: ['NOT_FOUND', 'ALREADY_EXISTS'],
  },
})
