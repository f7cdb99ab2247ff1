/** One heartbeat: whether there is anything to be done now, the turn, and whether its answer is worth sending. */
import { setTimeout as sleep } from 'node:timers/promises'
import { errorKinds, toMeshError } from '@clawmesh/contracts'
import { cutText, newId, serviceCaller, type Call, type Logger } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import { heartbeatTrace } from '../runs/trace-names.ts'
import type { Run } from '../runs/use-cases.ts'
import type { SessionRows } from '../sessions/use-cases.ts'
import { isActive } from './hours.ts'
import type { ClaimedHeartbeat, HeartbeatOutcome, SkipReason } from './types.ts'
import { checklistFile, type HeartbeatRows } from './use-cases.ts'

const summaryChars = 500
const quietWord = 'HEARTBEAT_OK'
const defaultMessage = 'Look after your checklist now.'

interface Parts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
  files: Pick<ContextFileUseCases, 'shared'>
  rowsOf: (tenantId: string) => Pick<HeartbeatRows, 'announce' | 'isBusy'>
  sessionsOf: (tenantId: string) => Pick<SessionRows, 'find' | 'remove'>
  sendText: (call: Call, message: { channel: string; chatId: string; text: string }) => Promise<unknown>
  /** Pause before the first try again. */
  retryMs: number
  log: Logger
}

type Agent = Awaited<ReturnType<Parts['lookup']['runnable']>>

const instructions = (checklist: string): string =>
  [
    'This turn was started by your heartbeat; nobody reads along, and nobody can be asked back. Go through your checklist:',
    checklist,
    `Where nothing needs anybody's attention, answer ${quietWord} and nothing else. Otherwise say what does, without that word: your answer is sent as it is.`,
  ].join('\n\n')

export const createPerformHeartbeat = (parts: Parts) => {
  const { run, lookup, files, rowsOf, sessionsOf, sendText, retryMs, log } = parts

  /** Who asks for it at once has it at once. */
  const reasonToSkip = async (heartbeat: ClaimedHeartbeat, checklist: string): Promise<SkipReason | undefined> => {
    const isTest = heartbeat.asked === 'test'
    if (!isTest && !isActive(heartbeat, new Date())) return 'active_hours'
    if (checklist === '') return 'empty_checklist'
    return !isTest && (await rowsOf(heartbeat.tenantId).isBusy(heartbeat.agentId)) ? 'queue_busy' : undefined
  }

  const turn = async (heartbeat: ClaimedHeartbeat, agent: Agent, checklist: string, call: Call) => {
    const { tenantId, isolatedSession, providerName, model, prompt, userId } = heartbeat
    const sessionKey = `agent:${agent.agentKey}:heartbeat${isolatedSession ? `:${Date.now()}` : ''}`
    try {
      return await run(call, {
        caller: call.caller,
        agent: {
          ...agent,
          ...(providerName === '' ? {} : { provider: providerName }),
          ...(model === '' ? {} : { model }),
        },
        origin: { channel: 'heartbeat', chatId: heartbeat.id, peerKind: 'direct' },
        traceAs: heartbeatTrace(agent.agentKey),
        sessionKey,
        message: prompt === '' ? defaultMessage : prompt,
        parts: [],
        priorTurns: [],
        requestSystem: instructions(checklist),
        withoutFiles: heartbeat.lightContext,
        userId,
        stream: false,
      })
    } finally {
      const sessions = sessionsOf(tenantId)
      const made = isolatedSession ? await sessions.find(sessionKey) : undefined
      if (made !== undefined) await sessions.remove(made)
    }
  }

  const tryTurns = async (heartbeat: ClaimedHeartbeat, agent: Agent, checklist: string, call: Call) => {
    for (let retries = 0; ; retries++)
      try {
        return await turn(heartbeat, agent, checklist, call)
      } catch (thrown) {
        const error = toMeshError(thrown)
        const mayPass = errorKinds[error.code].retryable || error.code === 'INTERNAL'
        if (call.signal.aborted || retries >= heartbeat.maxRetries || !mayPass) throw error
        log.warn({ err: error, heartbeatId: heartbeat.id, retries }, 'a heartbeat failed, it is tried again')
        await sleep(retryMs * 2 ** retries, undefined, { signal: call.signal }).catch(() => undefined)
      }
  }

  const beat = async (heartbeat: ClaimedHeartbeat, call: Call): Promise<Omit<HeartbeatOutcome, 'durationMs'>> => {
    const { tenantId, agentId, channel, chatId } = heartbeat
    const agent = await lookup.runnable(call.caller, agentId)
    const checklist = (await files.shared({ id: agentId, tenantId })).get(checklistFile)?.trim() ?? ''
    const skipReason = await reasonToSkip(heartbeat, checklist)
    if (skipReason !== undefined) return { status: 'skipped', skipReason }
    await rowsOf(tenantId).announce(heartbeat, agent.agentKey)
    const { content, usage } = await tryTurns(heartbeat, agent, checklist, call)
    const summary = cutText(content, summaryChars)
    if (content.includes(quietWord)) return { status: 'suppressed', summary, usage }
    if (channel !== '' && chatId !== '' && content !== '')
      try {
        await sendText(call, { channel, chatId, text: content })
      } catch (thrown) {
        return { status: 'error', error: toMeshError(thrown).message, summary, usage }
      }
    return { status: 'ok', summary, usage }
  }

  /** Never throws: what goes wrong is the outcome. */
  return async (heartbeat: ClaimedHeartbeat, signal: AbortSignal): Promise<HeartbeatOutcome> => {
    const startedAt = performance.now()
    const { tenantId, userId } = heartbeat
    // As its user, with no more rights than using agents needs.
    const caller = { ...serviceCaller(tenantId), role: 'operator' as const, userId }
    const outcome = await beat(heartbeat, { caller, requestId: newId(), signal }).catch((thrown: unknown) => {
      const error = toMeshError(thrown)
      log.warn({ err: error, heartbeatId: heartbeat.id, tenantId }, 'a heartbeat failed')
      return { status: 'error' as const, error: signal.aborted ? 'interrupted' : error.message }
    })
    return { ...outcome, durationMs: Math.round(performance.now() - startedAt) }
  }
}
