/** What is known of commands that wait for the word of an operator. */
import type { EventData } from '@clawmesh/contracts'
import type { Actor } from '@clawmesh/chassis'
import type { Bound } from './bound-to.ts'

export type Decision = EventData<'execApprovalDecided'>['decision']
export type Lapse = EventData<'execApprovalLapsed'>['why']

export interface Question extends Bound {
  tenantId: string
  agentId: string
  userId: string
  sessionKey: string
  command: string
}

export interface PendingApproval {
  id: string
  agentId: string
  userId: string
  sessionKey: string
  command: string
  createdAt: Date
  expiresAt: Date
}

export interface Judgement {
  decision: Decision
  reason?: string | undefined
}

/** A command that an agent may run without asking again. */
export interface AllowedCommand {
  id: string
  agentId: string
  /** Absent of those from before it was kept. */
  command: string | null
  program: string
  allowedBy: string
  createdAt: Date
}

export interface AllowedPage {
  limit: number
  offset: number
}

/** The questions of one tenant. */
export interface ApprovalRows {
  isAllowed: (agentId: string, bound: Bound) => Promise<boolean>
  /** False when too many wait. */
  insert: (id: string, question: Question, times: { waitMs: number; leaseMs: number }) => Promise<boolean>
  /** Those that wait, oldest first. */
  pending: () => Promise<PendingApproval[]>
  /** One that waits. */
  find: (id: string) => Promise<PendingApproval | undefined>
  /** Says that it still waits, for as long as the lease. What was decided; undefined when it is gone. */
  renew: (id: string, leaseMs: number) => Promise<{ decision: Decision | null; isOver: boolean } | undefined>
  /** What was decided, `allow-always` being `allow-once` where it cannot last; undefined when nobody waits for it. */
  decide: (id: string, judgement: Judgement, actor: Actor) => Promise<Decision | undefined>
  /** What runs without asking, newest first. */
  allowed: (page: AllowedPage) => Promise<{ allowed: AllowedCommand[]; total: number }>
  /** False when there is no such thing. */
  revoke: (id: string, actor: Actor) => Promise<boolean>
  /** What one agent may run without asking is its own. */
  forgetAgent: (agentId: string) => Promise<void>
  /** Denied without anybody's word. False when it is decided already. */
  lapse: (id: string, why: Lapse) => Promise<boolean>
}
