/** Runs outlive their replica: leases are renewed while it lives, and what it leaves behind is declared failed. */
import { MeshError } from '@clawmesh/contracts'
import { outboxRow, type Logger, type Part } from '@clawmesh/chassis'
import type { AgentsConfig } from '../../config.ts'
import type { LostRun } from '../../store/runs.ts'
import type { AgentsStore } from '../../store/store.ts'
import { createLiveEvents, type Signal } from './live-events.ts'
import { noUsage } from './run-loop.ts'
import { startTrace } from './spans.ts'

const batchSize = 100

interface Parts {
  store: AgentsStore
  signal: Signal
  log: Logger
  config: AgentsConfig
  active: () => string[]
}

/** Renews the leases of this replica's runs and ends the runs of replicas that have died. */
export const createLostRunsPart = ({ store, signal, log, config, active }: Parts): Part => {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()

  const fail = async (run: LostRun): Promise<void> => {
    const base = {
      runId: run.id,
      agentId: run.agent_id,
      agentKey: run.agent_key,
      sessionKey: run.session_key,
      userId: run.user_id,
      channel: run.channel,
    }
    const error = new MeshError('UNAVAILABLE', 'error.run_lost').message
    const recorded = startTrace({ ...base, input: run.input_preview }, run.started_at).finish({
      status: 'error',
      output: '',
      error,
    })
    // Two replicas may find the same run; the statement lets one of them end it.
    const ended = await store.runs.end({
      runId: run.id,
      status: 'failed',
      error,
      messages: [],
      usage: noUsage,
      provider: '',
      model: '',
      outbox: [
        outboxRow('traceRecorded', run.tenant_id, recorded),
        outboxRow('runFinished', run.tenant_id, {
          runId: run.id,
          agentId: run.agent_id,
          sessionKey: run.session_key,
          userId: run.user_id,
          status: 'failed',
          error,
          usage: noUsage,
        }),
      ],
    })
    if (!ended) return
    createLiveEvents(signal, run.tenant_id, base).send({ type: 'run.failed', error })
    log.warn({ runId: run.id, tenant: run.tenant_id }, 'a run was lost with its process')
  }

  const beat = async (): Promise<void> => {
    try {
      const mine = active()
      if (mine.length > 0) await store.runs.renew(mine, config.runLeaseMs)
      for (const run of await store.runs.lost(batchSize)) await fail(run)
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
      }, config.runHeartbeatMs)
    },
    stop: async () => {
      clearInterval(timer)
      await working
    },
  }
}
