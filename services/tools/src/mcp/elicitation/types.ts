import type { AskTimes } from '../../questions/ask.ts'
import type { Answer, Question } from './question.ts'

/** Who is asked, by which server, in which conversation. */
export interface Elicited {
  serverId: string
  /** As people call it. */
  server: string
  agentId: string
  userId: string
  sessionKey: string
}

export interface PendingElicitation extends Elicited {
  id: string
  question: Question
  createdAt: Date
  expiresAt: Date
}

/** The questions to the users of one tenant. */
export interface ElicitationRows {
  /** False when too many wait for this user. */
  insert: (id: string, asked: Elicited, question: Question, times: AskTimes) => Promise<boolean>
  /** Those that wait for a user, oldest first. */
  pending: (userId: string) => Promise<PendingElicitation[]>
  /** One that waits. */
  find: (id: string) => Promise<PendingElicitation | undefined>
  /** Says that it still waits, for as long as the lease. What was answered, which goes with that; undefined when it is gone. */
  renew: (id: string, leaseMs: number) => Promise<{ answer: Answer | undefined; isOver: boolean } | undefined>
  /** False when nobody waits for the user's word any more. */
  answer: (id: string, userId: string, answer: Answer) => Promise<boolean>
  /** Ended without the user's word. False when it is answered already. */
  lapse: (id: string) => Promise<boolean>
}
