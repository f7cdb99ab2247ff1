/**
 * What is asked of a run, wherever it is worked on: the replica that does answers, all others are silent. Asked over the
 * bus, as nobody else knows which replica that is; a run of one's own is asked directly.
 */
import { randomUUID } from 'node:crypto'
import { MeshError, runEvent } from '@clawmesh/contracts'
import type { Bus, Logger, Part } from '@clawmesh/chassis'
import { z } from 'zod'
import type { ActiveRun, ActiveRuns } from './active-runs.ts'

const answerWithinMs = 1_000
const asksSubject = 'mesh.run-asks'
const answersOf = (replica: string) => `mesh.run-answers.${replica}`

const runAsk = z.discriminatedUnion('kind', [
  /** Ends the run. */
  z.object({ kind: z.literal('abort') }),
  /** Puts a message into the run. */
  z.object({ kind: z.literal('inject'), message: z.string() }),
  /** Its events after one. */
  z.object({ kind: z.literal('events'), after: z.number().int() }),
  /** The same, and that somebody follows the run. */
  z.object({ kind: z.literal('follow'), after: z.number().int() }),
])
export type RunAsk = z.infer<typeof runAsk>

const runAnswer = z.object({
  /** It was done. */
  done: z.boolean(),
  events: z.array(runEvent).default([]),
  /** There are further events. */
  more: z.boolean().default(false),
  activity: z.object({ phase: z.string(), iteration: z.number().int(), tool: z.string().optional() }).optional(),
})
export type RunAnswer = z.output<typeof runAnswer>

const asked = z.object({ id: z.string(), replica: z.string(), ask: runAsk })
const answered = z.object({ id: z.string(), answer: runAnswer })

/** Gives the answer of a run; undefined when no replica that answers works on it. */
export type AskRun = (tenantId: string, runId: string, ask: RunAsk) => Promise<RunAnswer | undefined>

const answerOf = async (run: ActiveRun, ask: RunAsk): Promise<RunAnswer> => {
  switch (ask.kind) {
    case 'abort':
      run.controller.abort(new MeshError('CANCELLED', 'error.cancelled'))
      return { done: true, events: [], more: false }
    case 'inject':
      return { done: await run.inbox.put(ask.message), events: [], more: false }
    case 'follow':
    case 'events':
      if (ask.kind === 'follow') run.followed()
      return { done: true, ...run.transcript.after(ask.after), activity: run.transcript.activity() }
  }
}

interface Parts {
  bus: Pick<Bus, 'signal' | 'subscribe'>
  active: Pick<ActiveRuns, 'get'>
  log: Logger
}

export const createRunAsks = ({ bus, active, log }: Parts): { ask: AskRun; part: Part } => {
  const replica = randomUUID()
  const waiting = new Map<string, (answer: RunAnswer) => void>()
  let stops: (() => void)[] = []

  const onAsk = async (message: unknown, subject: string) => {
    const run = active.get(subject.slice(subject.lastIndexOf('.') + 1))
    if (run === undefined) return
    const { id, replica: from, ask } = asked.parse(message)
    bus.signal(answersOf(from), { id, answer: await answerOf(run, ask) })
  }

  return {
    ask: async (tenantId, runId, ask) => {
      const own = active.get(runId)
      if (own !== undefined) return answerOf(own, ask)
      const id = randomUUID()
      const { promise, resolve } = Promise.withResolvers<RunAnswer | undefined>()
      const timer = setTimeout(() => resolve(undefined), answerWithinMs)
      waiting.set(id, resolve)
      bus.signal(`${asksSubject}.${tenantId}.${runId}`, { id, replica, ask })
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        waiting.delete(id)
      }
    },
    part: {
      name: 'run asks',
      start: async () => {
        stops = [
          bus.subscribe(`${asksSubject}.>`, (message, subject) => {
            onAsk(message, subject).catch((err: unknown) => log.warn({ err }, 'what a run was asked failed'))
          }),
          bus.subscribe(answersOf(replica), (message) => {
            const { id, answer } = answered.parse(message)
            waiting.get(id)?.(answer)
          }),
        ]
      },
      stop: async () => stops.forEach((stop) => stop()),
    },
  }
}
