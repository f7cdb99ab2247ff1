/** Sessions as clients see them, over HTTP and WebSocket alike. */
import type { Session } from './types.ts'

/** What a conversation costs besides its messages: prompt and tools, roughly. */
const promptOverheadTokens = 12_000

/** In both naming styles, as the contract has them: the command-line client reads the second. */
export const toResponse = (session: Session) => ({
  ...session,
  key: session.sessionKey,
  created: session.createdAt,
  updated: session.updatedAt,
  userID: session.userId,
  metadata: Object.keys(session.metadata).length === 0 ? undefined : session.metadata,
})

/** An entry of a list. */
export const toSummary = (session: Session) => ({
  ...toResponse(session),
  estimatedTokens: Math.floor(session.messageBytes / 4) + promptOverheadTokens,
})
