/** Compaction in the background: memory is written, then the older part of a conversation becomes a summary. */
import { type JobAttempt, type Logger, reasonOf } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import { createAskModel } from './ask-model.ts'
import type { Traced } from './background-trace.ts'
import { contextSettingsOf } from './context-settings.ts'
import type { FlushMemory } from './memory-flush.ts'
import type { Chat } from './model-call.ts'
import { remembersSessions } from './remember-session.ts'
import type { SessionWorkRows, StoredSession } from './session-rows.ts'
import { summarise, transcriptChars, transcriptsOf } from './summary.ts'

const summaryWithinMs = 120_000
/** Messages that are read at once. */
const batchMessages = 500

interface Parts {
  rows: SessionWorkRows
  findAgent: AgentLookup['find']
  flushMemory: FlushMemory
  traced: Traced
  chat: Chat
  /** Has the new summary kept in memory, in the background. */
  rememberLater: (tenantId: string, sessionId: string) => Promise<void>
  log: Logger
}

type Job = JobAttempt<{ sessionId: string; compactionCount: number }>

export const createCompactSession = ({ rows, findAgent, flushMemory, traced, chat, rememberLater, log }: Parts) => {
  /** Number of the first message that no summary swallows: of the last few, and never between a call and its result. */
  const cutOf = async (tenantId: string, { id, windowSeq, nextSeq }: StoredSession, keep: number): Promise<number> => {
    const from = Math.max(windowSeq, nextSeq - keep - batchMessages)
    const near = await rows.oldest(tenantId, id, from, nextSeq, keep + batchMessages)
    let place = Math.max(0, near.length - keep)
    while (place > 0 && near[place]?.message.role === 'tool') place--
    return near[place]?.seq ?? windowSeq
  }

  /** Summarises piece by piece. What is done is stored, so that another attempt goes on from there. */
  const shrink = async ({ tenantId, call }: Job, agent: Agent, session: StoredSession, cut: number): Promise<void> => {
    let { summary, windowSeq: from } = session
    while (from < cut) {
      const read = await rows.oldest(tenantId, session.id, from, cut, batchMessages)
      if (read.length === 0) return
      const [piece] = transcriptsOf(
        read.map(({ message }) => message),
        transcriptChars(agent),
      )
      const to = read[piece!.messages]?.seq ?? read.at(-1)!.seq + 1
      const earlier = summary
      summary = await traced(call, {
        name: 'summary',
        agent,
        session,
        work: async (trace) => {
          const result = await summarise(
            createAskModel(chat, call, trace),
            agent,
            earlier,
            piece!.text,
            summaryWithinMs,
          )
          return { result, output: result }
        },
      })
      const isOurs = await rows.summarised(tenantId, session.id, { summary, from, to, isLast: to >= cut })
      if (!isOurs) return
      from = to
    }
  }

  const compact = async (job: Job, agent: Agent, session: StoredSession): Promise<void> => {
    const { compaction } = contextSettingsOf(agent)
    const cut = await cutOf(job.tenantId, session, compaction.keepLastMessages)
    if (cut <= session.windowSeq) return
    if (session.flushedAtCount !== session.compactionCount) {
      // Memory is worth an attempt, and no reason to leave the conversation as it is.
      await flushMemory(job.call, agent, session).catch((thrown: unknown) => {
        job.call.signal.throwIfAborted()
        log.warn({ reason: reasonOf(thrown), session: session.id }, 'memory could not be written before a compaction')
      })
      await rows.flushed(job.tenantId, session.id, session.compactionCount)
    }
    await shrink(job, agent, session, cut)
    if (remembersSessions(agent)) await rememberLater(job.tenantId, session.id)
  }

  /** Does nothing for a session or an agent that is gone, or where it was done already. @throws what keeps the model from it */
  return async (job: Job): Promise<void> => {
    const { tenantId, data, isLast } = job
    const session = await rows.find(tenantId, data.sessionId)
    const agent = session && (await findAgent(tenantId, session.agentId))
    if (session === undefined || agent === undefined || session.compactionCount !== data.compactionCount) return
    try {
      await compact(job, agent, session)
    } catch (thrown) {
      if (isLast) await rows.compactionFailed(tenantId, session.id, reasonOf(thrown))
      throw thrown
    }
  }
}
