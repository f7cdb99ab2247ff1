/** Asks operators about commands, and waits for their word. */
import { newId } from '@clawmesh/chassis'
import type { Ask } from '../../questions/ask.ts'
import type { Bound } from './bound-to.ts'
import type { ApprovalRows, Decision, Question } from './types.ts'

export type ApprovalAnswer = 'allowed' | 'denied' | 'timeout' | 'full'

export interface Approvals {
  /** Whether an operator lets this command of the agent run always. */
  isAllowed: (tenantId: string, agentId: string, bound: Bound) => Promise<boolean>
  /** Waits for the word of an operator. @throws what the signal says once it fires: nobody is asked any more */
  ask: (question: Question, signal: AbortSignal) => Promise<ApprovalAnswer>
}

interface Parts {
  rowsOf: (tenantId: string) => Pick<ApprovalRows, 'isAllowed' | 'insert' | 'renew' | 'lapse'>
  ask: Ask
}

export const approvalSubject = (id: string): string => `mesh.exec-approvals.${id}`

export const createApprovals = ({ rowsOf, ask }: Parts): Approvals => ({
  isAllowed: (tenantId, agentId, bound) => rowsOf(tenantId).isAllowed(agentId, bound),

  ask: async (question, signal) => {
    const id = newId()
    const rows = rowsOf(question.tenantId)
    const asked = await ask<Decision>(
      approvalSubject(id),
      {
        insert: (times) => rows.insert(id, question, times),
        renew: async (leaseMs) => {
          const found = await rows.renew(id, leaseMs)
          return found && { answer: found.decision ?? undefined, isOver: found.isOver }
        },
        lapse: (why) => rows.lapse(id, why),
      },
      signal,
    )
    if (asked.answer !== undefined) return asked.answer === 'deny' ? 'denied' : 'allowed'
    return asked.why === 'gone' ? 'denied' : asked.why
  },
})
