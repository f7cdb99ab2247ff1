/**
 * Asks operators about commands, and waits for their word. The question is a row, so that it can be answered on any
 * replica; a signal tells who waits that there is an answer, and who misses it finds it at his next look.
 */
import { newId, type Bus, type Logger } from '@clawmesh/chassis'
import type { Bound } from './bound-to.ts'
import type { ApprovalRows, Question } from './types.ts'

export type ApprovalAnswer = 'allowed' | 'denied' | 'timeout' | 'full'

export interface Approvals {
  /** Whether an operator lets this command of the agent run always. */
  isAllowed: (tenantId: string, agentId: string, bound: Bound) => Promise<boolean>
  /** Waits for the word of an operator. @throws what the signal says once it fires: nobody is asked any more */
  ask: (question: Question, signal: AbortSignal) => Promise<ApprovalAnswer>
}

interface Parts {
  rowsOf: (tenantId: string) => Pick<ApprovalRows, 'isAllowed' | 'insert' | 'renew' | 'lapse'>
  bus: Pick<Bus, 'subscribe'>
  log: Logger
  waitMs: number
  /** How often who waits looks for an answer; missing it five times in a row counts as being gone. */
  lookMs: number
}

export const approvalSubject = (id: string): string => `mesh.exec-approvals.${id}`

/** Resolves at an alarm, at the latest after the time; early where the alarm has gone off before. */
const createAlarm = () => {
  let isRung = false
  let ring = () => {}
  return {
    ring: () => {
      isRung = true
      ring()
    },
    wait: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, isRung ? 0 : ms)
        isRung = false
        ring = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
  }
}

export const createApprovals = ({ rowsOf, bus, log, waitMs, lookMs }: Parts): Approvals => {
  const leaseMs = 5 * lookMs

  const wait = async (
    id: string,
    rows: Pick<ApprovalRows, 'renew' | 'lapse'>,
    alarm: ReturnType<typeof createAlarm>,
    signal: AbortSignal,
  ): Promise<ApprovalAnswer> => {
    const giveUpAt = performance.now() + waitMs + leaseMs
    while (performance.now() < giveUpAt) {
      await alarm.wait(lookMs)
      signal.throwIfAborted()
      try {
        const asked = await rows.renew(id, leaseMs)
        if (asked === undefined) return 'denied'
        if (asked.decision !== null) return asked.decision === 'deny' ? 'denied' : 'allowed'
        if (asked.isOver && (await rows.lapse(id, 'timeout'))) return 'timeout'
      } catch (err) {
        log.warn({ err, approvalId: id }, 'what was decided on a command could not be read, it waits')
      }
    }
    return 'timeout'
  }

  return {
    isAllowed: (tenantId, agentId, bound) => rowsOf(tenantId).isAllowed(agentId, bound),

    ask: async (question, signal) => {
      signal.throwIfAborted()
      const id = newId()
      const rows = rowsOf(question.tenantId)
      const alarm = createAlarm()
      const stop = bus.subscribe(approvalSubject(id), alarm.ring)
      signal.addEventListener('abort', alarm.ring)
      try {
        if (!(await rows.insert(id, question, { waitMs, leaseMs }))) return 'full'
        return await wait(id, rows, alarm, signal)
      } finally {
        stop()
        signal.removeEventListener('abort', alarm.ring)
        if (signal.aborted)
          await rows
            .lapse(id, 'cancelled')
            .catch((err: unknown) => log.warn({ err, approvalId: id }, 'a command waits until its time is over'))
      }
    },
  }
}
