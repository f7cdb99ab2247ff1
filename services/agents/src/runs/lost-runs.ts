/** Runs outlive their replica: leases are renewed while it lives, and what it leaves behind is declared failed. */
import { MeshError, type RunEvent } from '@clawmesh/contracts'
import { event, type Logger, type Part } from '@clawmesh/chassis'
import type { ActiveRuns } from './active-runs.ts'
import { noUsage } from './run-loop.ts'
import { partialAnswer } from './model-messages.ts'
import type { PublishRunEvent } from './run-feed.ts'
import { startTrace } from './spans.ts'
import { traceOfRow } from './trace-names.ts'
import type { LostRun, RunRows } from './types.ts'

const batchSize = 100

interface Parts {
  rows: Pick<RunRows, 'end' | 'lost' | 'renew' | 'unstoredText' | 'forgetTexts'>
  publish: PublishRunEvent
  log: Logger
  /** A run whose replica is silent this long is declared failed. */
  leaseMs: number
  heartbeatMs: number
  /** The runs that this replica works on. */
  active: Pick<ActiveRuns, 'storedIds' | 'get'>
}

/**
 * Renews the leases of this replica's runs, gives up those whose rows are gone with their session or agent, and ends the runs
 * of replicas that have died.
 */
export const createLostRunsPart = ({ rows, publish, log, leaseMs, heartbeatMs, active }: Parts): Part => {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()

  const fail = async (run: LostRun): Promise<void> => {
    const { id: runId, tenantId, agentId, agentKey, sessionKey, userId, channel, inputPreview, startedAt } = run
    const base = { runId, agentId, agentKey, sessionKey, userId, channel }
    const error = new MeshError('UNAVAILABLE', 'error.run_lost').message
    const content = await rows.unstoredText(tenantId, runId)
    const recorded = startTrace({ ...base, ...traceOfRow(run), input: inputPreview }, startedAt).finish({
      status: 'error',
      output: content,
      error,
    })
    // Two replicas may find the same run; the statement lets one of them end it.
    const ended = await rows.end({
      runId,
      tenantId,
      status: 'failed',
      error,
      messages: partialAnswer(content),
      usage: noUsage,
      provider: '',
      model: '',
      events: [
        event('runEnded', { runId, agentId, sessionKey, userId, status: 'failed', error, usage: noUsage, ...recorded }),
      ],
    })
    if (!ended) return
    // Without a number: how many events the dead replica sent is not known.
    const failed: RunEvent = { type: 'run.failed', error, content, ...base }
    // Who follows it by name asked the replica that is dead.
    publish({ tenantId, runId, isFollowed: true }, failed)
    log.warn({ runId, tenant: tenantId }, 'a run was lost with its process')
  }

  const beat = async (): Promise<void> => {
    try {
      const mine = active.storedIds()
      const renewed = new Set(mine.length === 0 ? [] : await rows.renew(mine, leaseMs))
      for (const runId of mine) if (!renewed.has(runId)) await active.get(runId)?.taken()
      for (const run of await rows.lost(batchSize)) await fail(run)
      await rows.forgetTexts()
    } catch (err) {
      log.warn({ err }, 'renewing run leases failed')
    }
  }

  return {
    name: 'run leases',
    start: async () => {
      await beat()
      timer = setInterval(() => {
        working = working.then(beat)
      }, heartbeatMs)
    },
    stop: async () => {
      clearInterval(timer)
      await working
    },
  }
}
