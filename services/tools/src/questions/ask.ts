/**
 * Asks people, and waits for their word. The question is a row, so that it can be answered on any replica; a signal tells who
 * waits that there is an answer, and who misses it finds it at his next look (docs/adr/0030).
 */
import type { Bus, Logger } from '@clawmesh/chassis'

export interface AskTimes {
  waitMs: number
  /** For how long who waits says that he still does. */
  leaseMs: number
}

/** The row of one question. */
export interface QuestionRow<A> {
  /** False when too many wait. */
  insert: (times: AskTimes) => Promise<boolean>
  /** Says that it still waits. What was answered; undefined when the row is gone. */
  renew: (leaseMs: number) => Promise<{ answer: A | undefined; isOver: boolean } | undefined>
  /** Ends it without anybody's word. False when it is answered already. */
  lapse: (why: 'timeout' | 'cancelled') => Promise<boolean>
}

export type Asked<A> = { answer: A } | { answer?: undefined; why: 'gone' | 'timeout' | 'full' }

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

interface Parts {
  bus: Pick<Bus, 'subscribe'>
  log: Logger
  waitMs: number
  /** How often who waits looks for an answer; missing it five times in a row counts as being gone. */
  lookMs: number
}

export const createAsk = ({ bus, log, waitMs, lookMs }: Parts) => {
  const leaseMs = 5 * lookMs

  const wait = async <A>(
    subject: string,
    row: QuestionRow<A>,
    alarm: ReturnType<typeof createAlarm>,
    signal: AbortSignal,
  ): Promise<Asked<A>> => {
    const giveUpAt = performance.now() + waitMs + leaseMs
    while (performance.now() < giveUpAt) {
      await alarm.wait(lookMs)
      signal.throwIfAborted()
      try {
        const asked = await row.renew(leaseMs)
        if (asked === undefined) return { why: 'gone' }
        if (asked.answer !== undefined) return { answer: asked.answer }
        if (asked.isOver && (await row.lapse('timeout'))) return { why: 'timeout' }
      } catch (err) {
        log.warn({ err, subject }, 'the answer to a question could not be read, it waits')
      }
    }
    return { why: 'timeout' }
  }

  /** @throws what the signal says once it fires: nobody is asked any more */
  return async <A>(subject: string, row: QuestionRow<A>, signal: AbortSignal): Promise<Asked<A>> => {
    signal.throwIfAborted()
    const alarm = createAlarm()
    const stop = bus.subscribe(subject, alarm.ring)
    signal.addEventListener('abort', alarm.ring)
    try {
      if (!(await row.insert({ waitMs, leaseMs }))) return { why: 'full' }
      return await wait(subject, row, alarm, signal)
    } finally {
      stop()
      signal.removeEventListener('abort', alarm.ring)
      if (signal.aborted)
        await row
          .lapse('cancelled')
          .catch((err: unknown) => log.warn({ err, subject }, 'a question waits until its time is over'))
    }
  }
}

export type Ask = ReturnType<typeof createAsk>
