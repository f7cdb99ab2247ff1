import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { SessionUseCases } from '../domain/sessions.ts'
import type { Message, Session } from '../domain/types.ts'

/** What a conversation costs besides its messages: prompt and tools, roughly. */
const promptOverheadTokens = 12_000

const named = (session: Session) => ({
  ...(session.label === '' ? {} : { label: session.label }),
  ...(session.channel === '' ? {} : { channel: session.channel }),
  ...(session.userId === '' ? {} : { userID: session.userId }),
  ...(session.model === '' ? {} : { model: session.model }),
  ...(session.provider === '' ? {} : { provider: session.provider }),
  ...(Object.keys(session.metadata).length === 0 ? {} : { metadata: session.metadata }),
  inputTokens: session.inputTokens,
  outputTokens: session.outputTokens,
  compactionCount: session.compactionCount,
})

const summaryToWire = (session: Session) => ({
  key: session.sessionKey,
  messageCount: session.messageCount,
  created: session.createdAt.toISOString(),
  updated: session.updatedAt.toISOString(),
  ...named(session),
  ...(session.agentName === '' ? {} : { agentName: session.agentName }),
  estimatedTokens: Math.floor(session.messageBytes / 4) + promptOverheadTokens,
  contextWindow: session.contextWindow,
  // The command-line client reads these names.
  session_key: session.sessionKey,
  agent_id: session.agentId,
  ...(session.userId === '' ? {} : { user_id: session.userId }),
  message_count: session.messageCount,
  input_tokens: session.inputTokens,
  output_tokens: session.outputTokens,
  created_at: session.createdAt.toISOString(),
  updated_at: session.updatedAt.toISOString(),
})

const messageToWire = ({ role, content, extra, createdAt }: Message) => ({
  role,
  content,
  ...(extra?.thinking === undefined ? {} : { thinking: extra.thinking }),
  ...(extra?.toolCalls === undefined
    ? {}
    : {
        tool_calls: extra.toolCalls.map(({ parseError, ...call }) => ({
          ...call,
          ...(parseError === undefined ? {} : { parse_error: parseError }),
        })),
      }),
  ...(extra?.toolCallId === undefined ? {} : { tool_call_id: extra.toolCallId }),
  ...(extra?.isError === undefined ? {} : { is_error: extra.isError }),
  created_at: createdAt.toISOString(),
})

export const createSessionHandlers = (
  sessions: SessionUseCases,
): Handlers<typeof http.agents, 'listSessions' | 'getSession' | 'patchSession' | 'resetSession' | 'deleteSession'> => ({
  listSessions: async ({ caller, query }) => {
    const { limit, offset, channel, user_id: userId } = query
    const page = await sessions.list(caller, {
      agentRef: query.agent_id ?? query.agentId,
      channel,
      userId,
      limit,
      offset,
    })
    return { sessions: page.sessions.map(summaryToWire), total: page.total, limit, offset }
  },
  getSession: async ({ caller, params }) => {
    const { session, messages } = await sessions.get(caller, params.key)
    return {
      key: session.sessionKey,
      messages: messages.map(messageToWire),
      summary: session.summary,
      created: session.createdAt.toISOString(),
      updated: session.updatedAt.toISOString(),
      agentUUID: session.agentId,
      ...named(session),
    }
  },
  patchSession: async ({ call, params, body }) => {
    await sessions.patch(call, params.key, body)
    return { ok: true, key: params.key }
  },
  resetSession: async ({ call, params }) => {
    await sessions.reset(call, params.key)
    return { ok: true }
  },
  deleteSession: async ({ call, params }) => {
    await sessions.remove(call, params.key)
    return { ok: true }
  },
})
