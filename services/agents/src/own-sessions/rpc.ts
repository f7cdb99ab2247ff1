import type { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { Session } from '../sessions/types.ts'
import type { OwnSessions } from './use-cases.ts'

const toAgentSession = ({ createdAt, updatedAt, ...session }: Session) => ({
  ...session,
  createdAtMs: createdAt.getTime(),
  updatedAtMs: updatedAt.getTime(),
})

export const createOwnSessionsRpc = (sessions: OwnSessions): RpcFunctions<typeof SessionsServiceService> => ({
  listAgentSessions: async (call, request) => ({ sessions: (await sessions.list(call, request)).map(toAgentSession) }),
  readAgentSession: async (call, request) => {
    const found = await sessions.read(call, request)
    if (found === undefined) return { session: undefined, isRunning: false, messages: [] }
    const { session, isRunning, messages } = found
    return {
      session: toAgentSession(session),
      isRunning,
      messages: messages.map(({ createdAt, ...message }) => ({ ...message, createdAtMs: createdAt.getTime() })),
    }
  },
  sendToAgentSession: async (call, request) => ({ sessionKey: (await sessions.send(call, request)) ?? '' }),
})
