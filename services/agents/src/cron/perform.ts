/** The work for one job: a turn of its agent, tried again where that may help, and its answer sent where it is wanted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { errorKinds, toMeshError, type MeshError } from '@clawmesh/contracts'
import { cutText, newId, serviceCaller, type Call, type Logger } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import { cronTrace } from '../runs/trace-names.ts'
import type { Run } from '../runs/use-cases.ts'
import { cronSessionKey } from '../sessions/session-keys.ts'
import type { SessionRows } from '../sessions/use-cases.ts'
import type { CronJob, CronOutcome } from './types.ts'

const longestPauseMs = 30_000
/** By how much a pause differs, so that what failed together does not come back together. */
const jitter = 0.25
const summaryBytes = 16_384

interface Parts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
  sessionsOf: (tenantId: string) => Pick<SessionRows, 'find' | 'reset' | 'remove'>
  sendText: (call: Call, message: { channel: string; chatId: string; text: string }) => Promise<unknown>
  /** Has the heartbeat of an agent run at once, where it is on. */
  wakeHeartbeat: (tenantId: string, agentId: string) => Promise<void>
  maxRetries: () => number
  retryMs: number
  log: Logger
}

/** Never throws: what goes wrong is the outcome. The signal fires when the replica leaves, or the job is no longer its own. */
export type PerformJob = (job: CronJob, signal: AbortSignal) => Promise<CronOutcome>

/** Whether the same may succeed later. */
const isPassing = ({ code }: MeshError): boolean => errorKinds[code].retryable || code === 'INTERNAL'

/** At most so many bytes, and no half of a character. */
const cutBytes = (text: string): string => {
  let cut = cutText(text, summaryBytes)
  while (Buffer.byteLength(cut) > summaryBytes) cut = cutText(cut, Math.floor(cut.length * 0.9))
  return cut
}

const wantsDelivery = ({ deliver, deliverChannel, deliverTo }: CronJob): boolean =>
  deliver && deliverChannel !== '' && deliverTo !== ''

const instructions = (job: CronJob): string =>
  [
    `This turn was started by the scheduled job "${job.name}" (${job.id})${job.userId === '' ? '' : `, which ${job.userId} has asked for`}. Nobody reads along: do what the message says without asking back.`,
    ...(wantsDelivery(job) ? [`Your answer is sent to ${job.deliverTo} on the channel ${job.deliverChannel}.`] : []),
  ].join('\n')

export const createPerformJob = (parts: Parts): PerformJob => {
  const { run, lookup, sessionsOf, sendText, wakeHeartbeat, maxRetries, retryMs, log } = parts

  /** The caller of a job is its user, with no more rights than using agents needs. */
  const callOf = ({ tenantId, userId }: CronJob, signal: AbortSignal): Call => ({
    caller: { ...serviceCaller(tenantId), role: 'operator', userId },
    requestId: newId(),
    signal,
  })

  const turn = async (job: CronJob, call: Call) => {
    const agent = await lookup.runnable(call.caller, job.agentId ?? '')
    const sessionKey = cronSessionKey(agent.agentKey, job.id)
    const sessions = sessionsOf(job.tenantId)
    const before = await sessions.find(sessionKey)
    // Nothing is remembered from run to run.
    if (before !== undefined) await sessions.reset(before)
    const result = await run(call, {
      caller: call.caller,
      agent,
      origin: { channel: 'cron', chatId: job.id, peerKind: 'direct' },
      traceAs: cronTrace(job.name, agent.agentKey),
      sessionKey,
      message: job.message,
      parts: [],
      priorTurns: [],
      requestSystem: instructions(job),
      userId: job.userId,
      stream: false,
    })
    const after = job.stateless ? await sessions.find(sessionKey) : undefined
    if (after !== undefined) await sessions.remove(after)
    if (job.wakeHeartbeat) await wakeHeartbeat(job.tenantId, agent.id)
    return result
  }

  const tryTurns = async (job: CronJob, call: Call) => {
    for (let retries = 0; ; retries++) {
      try {
        return await turn(job, call)
      } catch (thrown) {
        const error = toMeshError(thrown)
        if (call.signal.aborted || retries >= maxRetries() || !isPassing(error)) throw error
        log.warn(
          { err: error, jobId: job.id, tenantId: job.tenantId, retries },
          'a run of a job failed, it is tried again',
        )
        const pauseMs = Math.min(retryMs * 2 ** retries, longestPauseMs) * (1 - jitter + Math.random() * 2 * jitter)
        await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => undefined)
      }
    }
  }

  return async (job, signal) => {
    const startedAt = performance.now()
    const ended = (outcome: Omit<CronOutcome, 'durationMs'>): CronOutcome => ({
      ...outcome,
      durationMs: Math.round(performance.now() - startedAt),
    })
    const call = callOf(job, signal)
    let answered: Pick<CronOutcome, 'summary' | 'usage'> = {}
    try {
      const { content, usage } = await tryTurns(job, call)
      answered = { summary: cutBytes(content), usage }
      if (wantsDelivery(job) && content !== '') {
        const { deliverChannel: channel, deliverTo: chatId } = job
        await sendText(call, { channel, chatId, text: content })
      }
      return ended({ status: 'ok', ...answered })
    } catch (thrown) {
      if (signal.aborted) return ended({ status: 'interrupted', error: 'interrupted', ...answered })
      const error = toMeshError(thrown)
      log.warn({ err: error, jobId: job.id, tenantId: job.tenantId }, 'a job failed')
      return ended({ status: 'error', error: error.message, ...answered })
    }
  }
}
